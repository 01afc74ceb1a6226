internal import Glibc
internal import SystemPackage

/// The program that serves a storage through its standard input and output, and how messages call it.
struct ServiceCommand: Hashable, Sendable {
  /// The program, a path or a name that is looked up in PATH, and its arguments.
  let words: [String]
  /// What a person calls it: `rclone`.
  let name: String
  /// How long it may take until it answers.
  let startLimit: Duration
  /// What to do where there is no such program.
  let advice: String
  /// Parts of the arguments that no message shows.
  var secrets: [String] = []
  /// Where relative paths count from, in the words and in variables: our working directory when the command was made, which we
  /// leave later.
  let folder = Self.workingFolder

  private static var workingFolder: FilePath? {
    guard let text = getcwd(nil, 0) else { return nil }
    defer { free(text) }
    return FilePath(platformString: text)
  }

  /// `text`, the beginning of what the program has printed, as it may be shown: without secrets.
  func withoutSecrets(_ text: String) -> String { ServiceSecrets(secrets).hidden(in: text, isCut: true) }
}
