import Glibc
import ResticCore
import SystemPackage

/// A program that prints a secret or is told one: the secret goes from the pipe into guarded memory, and lies nowhere else.
struct SecretProgram: Sendable {
  /// How a program ended, and what it printed.
  struct Outcome: Sendable {
    /// How it ended.
    var end: End
    /// Its standard output; nil if that was longer than `longestOutput`.
    var output: SecureBytes?
    /// Its standard error, where that was to be kept.
    var errorOutput: [UInt8]
  }

  /// How a program ended.
  enum End: Hashable, Sendable {
    case exited(Int32)
    case killed(signal: Int32)
  }

  /// More than this is no password. 64 KiB is what Go's scanner takes.
  static let longestOutput = 65536

  /// The program (a path, or a name that is looked up in PATH), and its arguments.
  let words: [String]
  /// Variables that differ from ours; nil removes one.
  var variables: [String: String?] = [:]
  /// Whether its standard error is kept, up to `longestOutput`. Else it goes where ours goes.
  var keepsErrorOutput = false

  /// Runs it with `input`, or with none, and waits for its end. Throws the reason why it cannot be started.
  func run(input: SecureBytes? = nil) async throws(Errno) -> Outcome {
    // A thread of its own: people may be asked. All signals are blocked there, so that one which does not read its input
    // is an error, not the end of this process.
    try await BlockingExecutor(threadCount: 1).run { () throws(Errno) in try runNow(input) }
  }

  private func runNow(_ input: SecureBytes?) throws(Errno) -> Outcome {
    let output = try SecretPipe()
    let errors = keepsErrorOutput ? try SecretPipe() : nil
    let given = input == nil ? nil : try SecretPipe()
    let child = try start(input: given?.readEnd, output: output.writeEnd, errors: errors?.writeEnd)
    for end in [given?.readEnd, output.writeEnd, errors?.writeEnd] { end?.close() }
    var exchange = SecretExchange(
      output: output.readEnd, errors: errors?.readEnd, input: given?.writeEnd, secret: input, limit: Self.longestOutput)
    exchange.run()
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else { throw Errno(rawValue: errno) }
    }
    let signal = status & 0x7F
    return Outcome(
      end: signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal), output: exchange.result,
      errorOutput: exchange.errorOutput)
  }

  private func start(
    input: SecretPipe.End?, output: SecretPipe.End, errors: SecretPipe.End?
  ) throws(Errno) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input.descriptor, STDIN_FILENO)
    } else {
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, output.descriptor, STDOUT_FILENO)
    if let errors { posix_spawn_file_actions_adddup2(&actions, errors.descriptor, STDERR_FILENO) }
    // Our threads block signals, which the program would inherit.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, pipe) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &pipe)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    let changed: [UnsafeMutablePointer<CChar>?] = variables.compactMap { name, value in
      value.map { strdup("\(name)=\($0)") }
    }
    defer { for string in arguments + changed { free(string) } }
    var environment = inheritedVariables() + changed + [nil]
    var child = pid_t()
    let result = posix_spawnp(&child, words[0], &actions, &attributes, &arguments, &environment)
    guard result == 0 else { throw Errno(rawValue: result) }
    return child
  }

  /// Those of our variables that the program gets as they are, where they lie.
  private func inheritedVariables() -> [UnsafeMutablePointer<CChar>?] {
    var words: [UnsafeMutablePointer<CChar>?] = []
    var next = environ
    while let word = next.pointee {
      let name = UnsafeRawBufferPointer(start: word, count: strlen(word)).prefix { $0 != UInt8(ascii: "=") }
      if variables[String(decoding: name, as: UTF8.self)] == nil { words.append(word) }
      next += 1
    }
    return words
  }
}
