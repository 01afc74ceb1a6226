import Platform
import ResticCore

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

  private let context: Context
  /// What git filled in, the password included.
  private let description: SecureBytes

  /// What the helpers know, or, if `asks`, what GIT_ASKPASS, core.askPass or SSH_ASKPASS answers; nil where nobody does.
  /// git itself asks nothing on the terminal. `limit`: how long that may take; nil: as long as it likes.
  static func fill(_ context: Context, asks: Bool, limit: Duration? = nil) async -> PasswordAnswer? {
    let question = Array(context.place.description.utf8).withUnsafeBytes { SecureBytes(copying: $0) }
    guard let output = await run("fill", question, context, asks: asks, limit: limit) else { return nil }
    return output.withUnsafeBytes { bytes in
      guard let password = password(in: bytes) else { return nil }
      return PasswordAnswer(
        password: SecureBytes(copying: password), credential: GitCredential(context: context, description: output))
    }
  }

  /// What the helpers would know, had they given `password`.
  init(_ context: Context, password: SecureBytes) {
    let start = Array("\(context.place)password=".utf8)
    let description = SecureBytes(byteCount: start.count + password.byteCount + 1)
    description.withUnsafeMutableBytes { target in
      target.copyBytes(from: start)
      password.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[start.count...]).copyMemory(from: $0) }
      target[target.count - 1] = UInt8(ascii: "\n")
    }
    self.init(context: context, description: description)
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
    _ = await Self.run(operation, description, context, asks: false)
  }

  /// The output of `git credential`; nil if it failed or there is no git. What helpers and askpass programs have to say
  /// is passed on, but not git's own last words, which say that nobody knew.
  private static func run(
    _ operation: String, _ input: SecureBytes, _ context: Context, asks: Bool, limit: Duration? = nil
  ) async -> SecureBytes? {
    var variables: [String: String?] = ["GIT_TERMINAL_PROMPT": "0"]
    if !asks { variables["GIT_ASKPASS"] = "" }
    if !context.isForGit { variables["GIT_DIR"] = String?.none }
    let folder = context.isForGit ? [] : ["-C", "/"]
    let program = SecretProgram(
      words: ["git"] + folder + ["credential", operation], variables: variables, keepsErrorOutput: true, limit: limit)
    // Whatever keeps it from running: the helpers are one way of several.
    guard let outcome = try? await program.run(input: input) else { return nil }
    let isSuccess = outcome.end == .exited(0)
    let lines = outcome.errorOutput.split(separator: UInt8(ascii: "\n"))
    for line in isSuccess ? lines[...] : lines.dropLast() { StandardStream.error.write(line + [UInt8(ascii: "\n")]) }
    return isSuccess ? outcome.output : nil
  }

  /// The password in a description: what follows in a line `password=…`. Lies in `description`.
  private static func password(in description: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    let key = Array("password=".utf8)
    var rest = description[...]
    while !rest.isEmpty {
      let line = rest.prefix { $0 != UInt8(ascii: "\n") }
      if line.starts(with: key) { return UnsafeRawBufferPointer(rebasing: line.dropFirst(key.count)) }
      rest = rest.dropFirst(line.count + 1)
    }
    return nil
  }
}
