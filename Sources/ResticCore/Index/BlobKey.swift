/// The key for looking up a blob: data and trees are separate name spaces, as in restic.
struct BlobKey: Hashable, Sendable {
  let id: BlobID
  let type: BlobType
}
