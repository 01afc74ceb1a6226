/// A finished pack, ready to be stored.
struct BuiltPack: Sendable {
  let id: PackID
  let bytes: PooledBytes
  let blobs: [PackBlob]

  /// The pack's entry in an index file.
  var indexEntry: IndexFile.Pack { IndexFile.Pack(id: id, blobs: blobs) }
}
