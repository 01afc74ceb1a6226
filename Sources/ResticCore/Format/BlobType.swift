/// The content of a blob. The raw value is the type's code in a pack header for a blob that is not compressed.
public enum BlobType: UInt8, Hashable, Sendable {
  /// A part of a file.
  case data = 0
  /// A directory.
  case tree = 1
}
