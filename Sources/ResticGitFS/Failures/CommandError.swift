/// Why a command failed, in one line for a person, and the exit code for a script.
struct CommandError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The process's exit code.
  let exitCode: ExitCode
  /// What went wrong and what to do next: one line, without the program's name; nil if everything was printed already.
  let message: String?

  /// A failure with `message`.
  init(_ message: String, exitCode: ExitCode = .failure) {
    self.exitCode = exitCode
    self.message = message
  }

  private init(silent exitCode: ExitCode) {
    self.exitCode = exitCode
    message = nil
  }

  /// Ends the program with `exitCode` without a message.
  static func silent(_ exitCode: ExitCode) -> CommandError {
    CommandError(silent: exitCode)
  }

  var description: String { message ?? "exit code \(exitCode.rawValue)" }
}
