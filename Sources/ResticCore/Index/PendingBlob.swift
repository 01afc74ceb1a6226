/// A blob that an uploader has accepted and that no durable pack holds yet.
struct PendingBlob: Sendable {
  /// Names an uploader of this repository.
  typealias UploaderID = UInt64

  /// What can be read of it meanwhile.
  enum Content: Sendable {
    /// Being compressed and sealed just now.
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
  /// Uploaders that have it in a pack of their own. Empty after the only one failed, while another still relies on it.
  var holders: [Holder]
  /// Uploaders that were given the same blob and count on the holders; each takes the blob over if no holder has stored
  /// it when they finish.
  var dependents: [UploaderID] = []

  /// The position in `holders` of `uploader`.
  func holder(_ uploader: UploaderID) -> Int? {
    holders.firstIndex { $0.uploader == uploader }
  }
}
