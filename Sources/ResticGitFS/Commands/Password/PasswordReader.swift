import Glibc
import Platform
import ResticCore
import SystemPackage

/// Reads the password from its source into guarded memory.
///
/// The source `person` is whoever answers first: git's credential helpers; on a terminal GIT_ASKPASS and related
/// programs, then the terminal; without a terminal, as in restic, a line of standard input. A mount for git leaves
/// standard input alone, and asks on the terminal on which git runs.
struct PasswordReader: Sendable {
  /// How often a wrong password may be given.
  /// Source: restic.
  static let tries = 3
  /// The longest password from a file or standard input.
  private static let longestPassword = SecretProgram.longestOutput

  /// The source.
  let source: PasswordSource
  /// The terminal for questions.
  let terminal: Terminal
  /// Whether git has started this process (`MountConfiguration.isForOneProgram`).
  var isForGit = false
  /// Whether the terminal may be used: not with GIT_TERMINAL_PROMPT=0.
  var mayPrompt = true
  /// How long a program may take that knows the password; nil: as long as it likes.
  var programLimit: Duration?

  /// The password of the repository at `location`; nil if nobody gave one.
  func password(of location: BackendLocation) async throws -> PasswordAnswer? {
    guard let answer = try await answer(for: location) else { return nil }
    guard answer.password.byteCount > 0 else { throw Self.emptyPassword }
    return answer
  }

  /// Why `password(of:)` returned nil.
  func missing(for location: BackendLocation) -> CommandError {
    let ways = "use RESTIC_PASSWORD, RESTIC_PASSWORD_FILE, RESTIC_PASSWORD_COMMAND or a git credential helper"
    let reason = mayPrompt ? "" : " (terminal prompts disabled)"
    return CommandError(
      "no password for \(location): \(ways)\(isForGit ? "" : ", or give it on standard input")\(reason)")
  }

  /// The password of a new repository: a person types it twice.
  func newPassword() async throws -> SecureBytes {
    let first: SecureBytes?
    switch try await given() {
    case let password?: first = password
    case nil where terminal.canAsk: first = try askTwice()
    case nil: first = Self.readLine()
    }
    guard let first else {
      throw CommandError(
        "no password: use --password-file, --password-command or RESTIC_PASSWORD, or give it on standard input")
    }
    guard first.byteCount > 0 else { throw Self.emptyPassword }
    return first
  }

  private static let emptyPassword = CommandError("an empty password is not allowed")

  /// The password that was given in advance; nil if a person has to give it.
  private func given() async throws -> SecureBytes? {
    switch source {
    case .environment(let bytes): bytes
    case .file(let path): try Self.read(path)
    case .command(let words): try await run(words)
    case .person: nil
    }
  }

  private func answer(for location: BackendLocation) async throws -> PasswordAnswer? {
    if let password = try await given() { return PasswordAnswer(password: password) }
    let context = CredentialPlace(location).map { GitCredential.Context(place: $0, isForGit: isForGit) }
    let isAtTerminal = isForGit || terminal.canAsk
    if let context, let answer = await GitCredential.fill(context, asks: isAtTerminal, limit: programLimit) {
      return answer
    }
    guard isAtTerminal else { return Self.readLine().map { PasswordAnswer(password: $0) } }
    guard mayPrompt, let password = terminal.askPassword("enter password for repository \(location): ") else {
      return nil
    }
    return PasswordAnswer(password: password, credential: context.map { GitCredential($0, password: password) })
  }

  private func askTwice() throws -> SecureBytes? {
    guard let first = terminal.askPassword("enter password for new repository: ") else { return nil }
    guard first.byteCount > 0 else { throw Self.emptyPassword }
    guard let second = terminal.askPassword("enter password again: ") else { return nil }
    let isSame = first.withUnsafeBytes { first in second.withUnsafeBytes { first.elementsEqual($0) } }
    guard isSame else { throw CommandError("the passwords do not match; nothing was created") }
    return first
  }

  private static func readLine() -> SecureBytes? {
    PasswordLine.read(from: STDIN_FILENO, limit: longestPassword)
  }

  private static func read(_ path: FilePath) throws -> SecureBytes {
    let buffer = SecureBytes(byteCount: longestPassword + 1)
    var count = 0
    do {
      let descriptor = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      // The file was only read.
      defer { try? descriptor.close() }
      while count <= longestPassword {
        let added = try buffer.withUnsafeMutableBytes { memory in
          try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[count...]))
        }
        if added == 0 { break }
        count += added
      }
    } catch let error as Errno {
      throw CommandError("the password file \(path) cannot be read: \(error)")
    }
    guard count <= longestPassword else { throw CommandError("the password file \(path) is too long for a password") }
    // A unit of UTF-16 becomes at most three bytes.
    let text = SecureBytes(byteCount: count / 2 * 3 + 3)
    let textCount = buffer.withUnsafeBytes { bytes in
      text.withUnsafeMutableBytes { TextFile.decode(bytes[..<count], to: $0) }
    }
    return trimmed(text, byteCount: textCount)
  }

  private func run(_ words: [String]) async throws -> SecureBytes {
    let program = words[0]
    let outcome: SecretProgram.Outcome
    do throws(Errno) {
      outcome = try await SecretProgram(words: words, limit: programLimit).run()
    } catch {
      if error == .timedOut, let programLimit {
        throw CommandError(
          "the password command \(program) has printed nothing in \(programLimit.components.seconds) s and was ended")
      }
      throw CommandError("the password command \(program) cannot be run: \(error)")
    }
    guard let output = outcome.output else {
      throw CommandError("the password command \(program) printed more than a password can hold")
    }
    switch outcome.end {
    case .exited(0): break
    case .exited(let code): throw CommandError("the password command \(program) failed with exit code \(code)")
    case .killed(let signal): throw CommandError("the password command \(program) was killed by signal \(signal)")
    }
    return Self.trimmed(output, byteCount: output.byteCount)
  }

  /// The password in the first bytes of `text`, without white space around it.
  private static func trimmed(_ text: SecureBytes, byteCount: Int) -> SecureBytes {
    text.withUnsafeBytes { bytes in
      SecureBytes(copying: UnsafeRawBufferPointer(rebasing: TextFile.trimmed(bytes[..<byteCount])))
    }
  }
}
