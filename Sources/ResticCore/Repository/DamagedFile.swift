/// A file of the repository that cannot be read.
public struct DamagedFile: Hashable, Sendable {
  /// Which file.
  public let file: BackendFile
  /// The size that the storage states.
  public let byteCount: Int
  /// What is wrong with the file, whose name the text begins with.
  public let message: String
  /// Whether the file may have been sound once, or be readable for another program. False for what nobody can have stored
  /// in this repository: an empty file, one that is too large, and one that is named for its content but was not sealed
  /// with the repository's key.
  public let mayHaveBeenSound: Bool
}
