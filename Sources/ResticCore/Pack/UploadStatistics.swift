/// The work of an uploader so far, by type of blob: for progress and for a snapshot's summary.
public struct UploadStatistics: Hashable, Sendable {
  /// The counts of one type.
  public struct Counts: Hashable, Sendable {
    /// Blobs that were new to the repository.
    public internal(set) var addedBlobCount = 0
    /// Their plaintext bytes.
    public internal(set) var addedByteCount = 0
    /// Their bytes as stored, with their part of the pack header.
    public internal(set) var packedByteCount = 0
    /// Blobs that were already stored or being uploaded.
    public internal(set) var knownBlobCount = 0
    /// Their plaintext bytes.
    public internal(set) var knownByteCount = 0
  }

  /// File contents.
  public internal(set) var data = Counts()
  /// Trees.
  public internal(set) var trees = Counts()
  /// Packs that are durable.
  public internal(set) var storedPackCount = 0
  /// Bytes of these packs, headers included.
  public internal(set) var storedByteCount = 0

  /// The counts of `type`.
  public internal(set) subscript(type: BlobType) -> Counts {
    get { type == .data ? data : trees }
    set { if type == .data { data = newValue } else { trees = newValue } }
  }
}
