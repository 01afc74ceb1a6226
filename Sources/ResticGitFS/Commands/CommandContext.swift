import Logging
import ResticCore

/// What the process gives its commands: the environment, the terminal, signals and the log.
struct CommandContext: Sendable {
  /// The variables the program reads.
  var environment: Environment
  /// The terminal, if there is one.
  let terminal: Terminal
  /// Where signals arrive.
  let signals: SignalListener
  /// Where log lines go.
  let log: LogDestination
  /// The descriptors beside the standard ones that the process was started with.
  let inheritedDescriptors: [Int32]
  /// Where the service manager that started the process listens, if there is one.
  let notifySocket: NotifySocket?
  /// The arguments, the command's name first, for a process that starts itself again.
  let arguments: [String]

  /// The same context with other variables.
  func with(_ environment: Environment) -> CommandContext {
    var context = self
    context.environment = environment
    return context
  }

  /// Writes `line` to standard output.
  func say(_ line: String) {
    StandardStream.output.write(line + "\n")
  }

  /// Tells on standard error why the command fails, and with `code`: a person in words, and with `--json` a program as restic
  /// does (`ExitMessage`).
  func fail(_ text: String, _ code: ExitCode) {
    let text = RemoteSetting.naming(text, arguments: arguments)
    guard ExitMessage.isWanted(by: arguments) else { return log.tell(text, level: .error) }
    log.tell(ExitMessage(text, code: code.rawValue))
  }

  /// Tells `text` on standard error.
  func warn(_ text: String) {
    log.tell(text, level: .warning)
  }
}
