import ResticCore

/// One chunk of a file's content, stored as a data blob.
struct StoredChunk: Hashable, Sendable {
  /// The blob.
  var id: BlobID
  /// Its plaintext size.
  var byteCount: UInt32
  /// Whether it ends at a cut of the chunker; false if it ends with the file.
  var endsAtCut: Bool

  /// The whole blob as a source of bytes.
  var source: ExtentMap.Source {
    .blob(id, wholeByteCount: byteCount, skip: 0, endsAtCut: endsAtCut)
  }
}
