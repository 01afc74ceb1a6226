/// How hard to compress; the raw values are those of restic's `--compression`.
public enum CompressionMode: String, Sendable, CaseIterable {
  /// Compresses at a good ratio of size to time.
  case auto
  /// Stores data blobs uncompressed. Trees and unpacked files are still compressed, as with `auto`.
  case off
  /// Takes the least time. restic has this mode since 0.19.
  case fastest
  /// Takes more time than `auto` for a smaller size. restic has this mode since 0.19.
  case better
  /// Compresses as much as is sensible.
  case max
}
