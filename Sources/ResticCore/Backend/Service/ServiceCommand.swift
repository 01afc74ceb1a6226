internal import Glibc
internal import SystemPackage

/// The program that serves a storage through its standard input and output, and its name in messages.
struct ServiceCommand: Hashable, Sendable {
  /// The program, a path or a name that is looked up in PATH, and its arguments.
  let words: [String]
  /// Its name for people: `rclone`.
  let name: String
  /// The longest time until it answers.
  let startLimit: Duration
  /// What to do if there is no such program.
  let advice: String
  /// Parts of the arguments that no message shows.
  var secrets: [String] = []
  /// The folder to which relative paths in the words and in variables refer: the working directory when the command was
  /// made, which this process leaves later.
  let folder = Self.workingFolder

  private static var workingFolder: FilePath? {
    guard let text = getcwd(nil, 0) else { return nil }
    defer { free(text) }
    return FilePath(platformString: text)
  }

  /// `text`, the beginning of the program's output, without secrets.
  func withoutSecrets(_ text: String) -> String { ServiceSecrets(secrets).hidden(in: text, isCut: true) }
}
