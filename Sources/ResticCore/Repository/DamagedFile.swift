/// A file of the repository that cannot be read.
public struct DamagedFile: Hashable, Sendable {
  /// Which file.
  public let file: BackendFile
  /// The size that the storage states.
  public let byteCount: Int
  /// What is wrong; the text begins with the file's name.
  public let message: String
  /// Whether the file may have been sound once, or may be readable by another program. False if nobody can have stored
  /// it in this repository: an empty file, a file that is too large, and a file whose name fits its content but that
  /// was not sealed with the repository's key.
  public let mayHaveBeenSound: Bool
}
