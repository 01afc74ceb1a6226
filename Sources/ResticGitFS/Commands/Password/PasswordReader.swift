import Glibc
import ResticCore
import Subprocess
import SystemPackage

/// Gets the password from its source into guarded memory.
struct PasswordReader: Sendable {
  /// Restic's tries on a terminal.
  private static let triesOnTerminal = 3
  /// More than this from a command or standard input is no password. 64 KiB is what Go's scanner takes.
  private static let longestPassword = 65536

  /// Where it comes from.
  let source: PasswordSource
  /// Who is asked.
  let terminal: Terminal

  /// How often a wrong password may be given again: only a person can do better next time.
  var tries: Int {
    if case .standardInput = source, terminal.canAsk { return Self.triesOnTerminal }
    return 1
  }

  /// The password of a repository. `prompt` is shown to a person.
  func password(prompt: String = "enter password for repository: ") async throws -> SecureBytes {
    let password: SecureBytes
    switch source {
    case .environment(let bytes): password = bytes
    case .file(let path): password = try Self.read(path)
    case .command(let words): password = try await Self.run(words)
    case .standardInput: password = try ask(prompt)
    }
    guard password.byteCount > 0 else { throw CommandError("an empty password is not allowed") }
    return password
  }

  /// The password of a new repository: a person types it twice.
  func newPassword() async throws -> SecureBytes {
    let first = try await password(prompt: "enter password for new repository: ")
    guard case .standardInput = source, terminal.canAsk else { return first }
    let second = try await password(prompt: "enter password again: ")
    let isSame = first.withUnsafeBytes { first in second.withUnsafeBytes { first.elementsEqual($0) } }
    guard isSame else { throw CommandError("the passwords do not match; nothing was created") }
    return first
  }

  private func ask(_ prompt: String) throws -> SecureBytes {
    if terminal.canAsk {
      guard let password = terminal.askPassword(prompt) else {
        throw CommandError("no password was given")
      }
      return password
    }
    guard let password = PasswordLine.read(from: STDIN_FILENO, limit: Self.longestPassword) else {
      throw CommandError(
        "no password: use --password-file, --password-command or RESTIC_PASSWORD, or give it on standard input")
    }
    return password
  }

  private static func read(_ path: FilePath) throws -> SecureBytes {
    let buffer = SecureBytes(byteCount: longestPassword + 1)
    var count = 0
    do {
      let descriptor = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      // Nothing was written through it.
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
    var bytes = buffer.withUnsafeBytes { Array($0[..<count]) }
    return secured(&bytes)
  }

  private static func run(_ words: [String]) async throws -> SecureBytes {
    let program = words[0]
    let result: ExecutionResult<Void, BytesOutput, FileDescriptorOutput>
    do {
      result = try await Subprocess.run(
        program.contains("/") ? .path(FilePath(program)) : .name(program),
        arguments: Arguments(Array(words.dropFirst())), input: .none,
        output: .bytes(limit: longestPassword), error: .currentStandardError)
    } catch {
      throw CommandError("the password command \(program) cannot be run: \(error)")
    }
    switch result.terminationStatus {
    case .exited(0): break
    case .exited(let code): throw CommandError("the password command \(program) failed with exit code \(code)")
    case .signaled(let signal): throw CommandError("the password command \(program) was ended by signal \(signal)")
    }
    var bytes = result.standardOutput
    return trimmed(&bytes)
  }

  /// The password in a text file's `bytes`, which are wiped.
  private static func secured(_ bytes: inout [UInt8]) -> SecureBytes {
    var text = TextFile.decoded(bytes)
    wipe(&bytes)
    return trimmed(&text)
  }

  /// The password in `bytes` without white space around it; `bytes` are wiped.
  private static func trimmed(_ bytes: inout [UInt8]) -> SecureBytes {
    let range = TextFile.trimmed(bytes).indices
    let password = bytes.withUnsafeBytes { SecureBytes(copying: UnsafeRawBufferPointer(rebasing: $0[range])) }
    wipe(&bytes)
    return password
  }

  private static func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { memory in
      if let start = memory.baseAddress { explicit_bzero(start, memory.count) }
    }
    bytes = []
  }
}
