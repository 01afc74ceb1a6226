/// A finished pack, ready to be stored.
struct BuiltPack: Sendable {
  let id: PackID
  let bytes: PooledBytes
  let blobs: [PackBlob]

  /// What an index file says of it.
  var indexEntry: IndexFile.Pack { IndexFile.Pack(id: id, blobs: blobs) }
}
