/// A call by which a file becomes durable or gets a name, with paths relative to the folder that is watched.
///
/// The random part of a temporary name after `-tmp-` is omitted.
enum FileCall: Hashable {
  /// fsync(2) of a file that has `byteCount` bytes at that moment.
  case synchronizeFile(String, byteCount: Int)
  /// fsync(2) of a folder.
  case synchronizeFolder(String)
  /// link(2).
  case link(String, to: String)
  /// rename(2).
  case rename(String, to: String)
}
