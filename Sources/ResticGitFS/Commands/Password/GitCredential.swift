import Glibc
import ResticCore
import Subprocess

/// The password of a repository as git's credential helpers know it.
///
/// The protocol is `restic`, host and path are those of the location, and the user name, which git would ask for
/// otherwise, is always `restic`. Without git there are no helpers, and nothing here does anything.
/// Source: git-credential(1).
struct GitCredential: Sendable {
  /// Whose configuration counts, and who may be asked.
  struct Context: Hashable, Sendable {
    /// Where the repository is, to git.
    let place: CredentialPlace
    /// Whether git has started us: then the configuration of the repository that it works in counts, too. Otherwise only
    /// the user's does: whoever wrote that of the folder where we happen to run is not to start programs here.
    let isForGit: Bool
  }

  private static let longestOutput = 65536

  private let context: Context
  /// What git filled in, the password included.
  private let description: SecureBytes

  /// What the helpers know, or, if `asks`, what GIT_ASKPASS, core.askPass or SSH_ASKPASS answers; nil where nobody does.
  /// git itself asks nothing on the terminal.
  static func fill(_ context: Context, asks: Bool) async -> PasswordAnswer? {
    guard var output = await run("fill", Array(context.place.description.utf8), context, asks: asks) else { return nil }
    defer { wipe(&output) }
    guard let range = passwordRange(in: output) else { return nil }
    return output.withUnsafeBytes { bytes in
      PasswordAnswer(
        password: SecureBytes(copying: UnsafeRawBufferPointer(rebasing: bytes[range])),
        credential: GitCredential(context: context, description: SecureBytes(copying: bytes)))
    }
  }

  /// What the helpers would know, had they given `password`.
  init(_ context: Context, password: SecureBytes) {
    var description = Array("\(context.place)password=".utf8)
    description.reserveCapacity(description.count + password.byteCount + 1)
    password.withUnsafeBytes { description += $0 }
    description.append(UInt8(ascii: "\n"))
    self.init(context: context, description: SecureBytes(wiping: &description))
  }

  private init(context: Context, description: SecureBytes) {
    self.context = context
    self.description = description
  }

  /// Tells the helpers that it was right: they may store it.
  func approve() async {
    await tell("approve")
  }

  /// Tells the helpers that it was wrong: they forget it.
  func reject() async {
    await tell("reject")
  }

  private func tell(_ operation: String) async {
    var input = description.withUnsafeBytes { Array($0) }
    defer { Self.wipe(&input) }
    _ = await Self.run(operation, input, context, asks: false)
  }

  /// The output of `git credential`; nil if it failed or there is no git. What helpers and askpass programs have to say
  /// is passed on, but not git's own last words, which say that nobody knew.
  private static func run(_ operation: String, _ input: [UInt8], _ context: Context, asks: Bool) async -> [UInt8]? {
    var variables: [Subprocess.Environment.Key: String?] = ["GIT_TERMINAL_PROMPT": "0"]
    if !asks { variables["GIT_ASKPASS"] = "" }
    if !context.isForGit { variables["GIT_DIR"] = String?.none }
    let folder = context.isForGit ? [] : ["-C", "/"]
    guard
      // Whatever keeps it from running: the helpers are one way of several.
      let result = try? await Subprocess.run(
        .name("git"), arguments: Arguments(folder + ["credential", operation]),
        environment: .inherit.updating(variables), input: .array(input), output: .bytes(limit: longestOutput),
        error: .string(limit: longestOutput))
    else { return nil }
    let isSuccess = result.terminationStatus == .exited(0)
    let lines = result.standardError.split(separator: "\n")
    for line in isSuccess ? lines[...] : lines.dropLast() { StandardStream.error.write("\(line)\n") }
    return isSuccess ? result.standardOutput : nil
  }

  /// Where the password lies in a description: a line `password=…`.
  private static func passwordRange(in description: [UInt8]) -> Range<Int>? {
    let key = Array("password=".utf8)
    for line in description.split(separator: UInt8(ascii: "\n")) where line.starts(with: key) {
      return line.startIndex + key.count..<line.endIndex
    }
    return nil
  }

  private static func wipe(_ bytes: inout [UInt8]) {
    _ = SecureBytes(wiping: &bytes)
  }
}
