/// A blob that an uploader has accepted and that no durable pack holds yet.
struct PendingBlob: Sendable {
  /// Names an uploader of this repository.
  typealias UploaderID = UInt64

  /// The content that can be read while the blob is being uploaded.
  enum Content: Sendable {
    /// Being compressed and sealed.
    case plaintext(PooledBytes)
    /// Sealed: in `range` of a pack.
    case packed(PackContent, range: Range<Int>, uncompressedLength: UInt32?)
  }

  /// An uploader that has the blob in a pack.
  struct Holder: Sendable {
    let uploader: UploaderID
    /// Ends when the pack has arrived or failed; nil while the pack is open.
    var flight: Task<Void, Never>?
  }

  var content: Content
  let plaintextByteCount: Int
  /// Uploaders that have it in a pack of their own. Empty if the only one failed while another uploader still relies on
  /// the blob.
  var holders: [Holder]
  /// Uploaders that were given the same blob and rely on the holders; each adopts the blob if no holder has stored it
  /// when the uploader finishes.
  var dependents: [UploaderID] = []

  /// The position in `holders` of `uploader`.
  func holder(_ uploader: UploaderID) -> Int? {
    holders.firstIndex { $0.uploader == uploader }
  }
}
