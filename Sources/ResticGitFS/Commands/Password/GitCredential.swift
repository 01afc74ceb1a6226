import Platform
import ResticCore

/// The password of a repository, as git's credential helpers store it.
///
/// The protocol is `restic`, and host and path are those of the location. The user name, for which git would ask
/// otherwise, is always `restic`. Without git there are no helpers, and every call here does nothing.
/// Source: git-credential(1).
struct GitCredential: Sendable {
  /// Which configuration applies, and which programs may be asked.
  struct Context: Hashable, Sendable {
    /// The repository's place, as git names it.
    let place: CredentialPlace
    /// Whether git started this program: then the configuration of the repository that git works in applies, too.
    /// Otherwise only the user's configuration does: whoever wrote the configuration of the current folder must not be
    /// able to start programs here.
    let isForGit: Bool
  }

  private let context: Context
  /// The fields that git filled in, including the password.
  private let description: SecureBytes

  /// Returns what the helpers know, or, if `asks`, what GIT_ASKPASS, core.askPass or SSH_ASKPASS answers; nil without
  /// an answer. git itself does not ask on the terminal. `limit` is how long the answer may take; nil: unlimited.
  static func fill(_ context: Context, asks: Bool, limit: Duration? = nil) async -> PasswordAnswer? {
    let question = Array(context.place.description.utf8).withUnsafeBytes { SecureBytes(copying: $0) }
    guard let output = await run("fill", question, context, asks: asks, limit: limit) else { return nil }
    return output.withUnsafeBytes { bytes in
      guard let password = password(in: bytes) else { return nil }
      return PasswordAnswer(
        password: SecureBytes(copying: password), credential: GitCredential(context: context, description: output))
    }
  }

  /// Creates the credential that the helpers would have filled in, had they known `password`.
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

  /// Tells the helpers that the password was right, so they may store it.
  func approve() async {
    await tell("approve")
  }

  /// Tells the helpers that the password was wrong, so they forget it.
  func reject() async {
    await tell("reject")
  }

  private func tell(_ operation: String) async {
    _ = await Self.run(operation, description, context, asks: false)
  }

  /// The output of `git credential`; nil if it failed or git is not installed. Messages of helpers and askpass programs
  /// are passed on, except git's own last message that no helper knew the password.
  private static func run(
    _ operation: String, _ input: SecureBytes, _ context: Context, asks: Bool, limit: Duration? = nil
  ) async -> SecureBytes? {
    var variables: [String: String?] = ["GIT_TERMINAL_PROMPT": "0"]
    if !asks { variables["GIT_ASKPASS"] = "" }
    if !context.isForGit { variables["GIT_DIR"] = String?.none }
    let folder = context.isForGit ? [] : ["-C", "/"]
    let program = SecretProgram(
      words: ["git"] + folder + ["credential", operation], variables: variables, keepsErrorOutput: true, limit: limit)
    // Whatever prevents the run: the helpers are only one of several sources.
    guard let outcome = try? await program.run(input: input) else { return nil }
    let isSuccess = outcome.end == .exited(0)
    let lines = outcome.errorOutput.split(separator: UInt8(ascii: "\n"))
    for line in isSuccess ? lines[...] : lines.dropLast() { StandardStream.error.write(line + [UInt8(ascii: "\n")]) }
    return isSuccess ? outcome.output : nil
  }

  /// The password in a description: the rest of the line `password=…`. The result points into `description`.
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
