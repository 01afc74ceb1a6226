/// How hard to compress; the raw values are those of restic's `--compression`.
public enum CompressionMode: String, Sendable, CaseIterable {
  /// Compresses fast.
  case auto
  /// Leaves data blobs as they are. Trees and unpacked files are compressed all the same, as `auto`.
  case off
  /// Compresses as much as is sensible.
  case max
}
