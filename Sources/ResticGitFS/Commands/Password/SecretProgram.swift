import Glibc
import Platform
import ResticCore
import SystemPackage

/// A program that prints a secret or receives one: the secret goes from the pipe into guarded memory, without another
/// copy.
struct SecretProgram: Sendable {
  /// How a program ended, and what it printed.
  struct Outcome: Sendable {
    /// How it ended.
    var end: ChildProcess.End
    /// Its standard output; nil if that was longer than `longestOutput`.
    var output: SecureBytes?
    /// Its standard error, if it was kept.
    var errorOutput: [UInt8]
  }

  /// The longest password. 64 KiB is the limit of Go's scanner.
  static let longestOutput = 65536

  /// The program (a path, or a name that is looked up in PATH), and its arguments.
  let words: [String]
  /// Variables that differ from this process's; nil removes one.
  var variables: [String: String?] = [:]
  /// Whether its standard error is kept, up to `longestOutput`. Otherwise it goes to this process's standard error.
  var keepsErrorOutput = false
  /// How long it may take; nil: as long as it likes, because a person may be asked.
  var limit: Duration?

  /// Runs it with `input`, or with none, and waits for its end. Throws the reason why it cannot be started, or `.timedOut`: then it
  /// was killed.
  func run(input: SecureBytes? = nil) async throws(Errno) -> Outcome {
    // A thread of its own, because a person may be asked. All signals are blocked there, so that a program which does
    // not read its input causes an error, not the end of this process.
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
    guard exchange.run(until: limit.map { ContinuousClock.now.advanced(by: $0) }) else {
      kill(child.processID, SIGKILL)
      child.wait()
      throw .timedOut
    }
    guard let end = child.wait() else { throw .noChildProcess }
    return Outcome(end: end, output: exchange.result, errorOutput: exchange.errorOutput)
  }

  private func start(
    input: SecretPipe.End?, output: SecretPipe.End, errors: SecretPipe.End?
  ) throws(Errno) -> ChildProcess {
    let descriptors = [(STDIN_FILENO, input), (STDOUT_FILENO, output), (STDERR_FILENO, errors)]
    // This process's threads block signals, which the program would inherit.
    return try InheritedVariables.with(variables) { variables throws(Errno) in
      try ChildProcess.start(
        words[0], Array(words.dropFirst()), variables: variables,
        files: input == nil ? [STDIN_FILENO: "/dev/null"] : [:],
        descriptors: descriptors.compactMap { theirs, end in
          end.map { (theirs, FileDescriptor(rawValue: $0.descriptor)) }
        },
        signals: .unblocked, endsWith: .ofProcess)
    }
  }
}
