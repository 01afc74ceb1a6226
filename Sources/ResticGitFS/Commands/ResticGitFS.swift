import ArgumentParser
import ResticCore

/// The command line `restic-gitfs …`: its commands, and the handling of their errors.
struct ResticGitFS: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restic-gitfs",
    abstract: "A restic repository as a writable directory that holds a bare git repository.",
    discussion: """
      EXAMPLE
        restic-gitfs init  -r /srv/vault           an ordinary restic repository
        restic-gitfs mount -r /srv/vault ~/vault   returns when it is ready
        git push ~/vault main
        git clone ~/vault copy
        restic-gitfs umount ~/vault                saves a snapshot, waits for it

      The password comes from --password-command, --password-file, RESTIC_PASSWORD, git's credential helpers or the terminal, \
      the location from -r, --repository-file, RESTIC_REPOSITORY or RESTIC_REPOSITORY_FILE, as restic does it.

      EXIT CODES
          0  done
          1  failed; the message says why
          3  saved, but others had changed the same refs or files; the message names them
         10  no repository
         11  locked by another client
         12  wrong password
        130  interrupted
      """,
    version: VersionCommand.text,
    subcommands: [
      InitCommand.self, MountCommand.self, UnmountCommand.self, SyncCommand.self, StatusCommand.self,
      SnapshotsCommand.self, LogCommand.self, MaintainCommand.self, UnlockCommand.self, DoctorCommand.self,
      VersionCommand.self,
    ])

  /// The names of the commands.
  static var commandNames: [String] { configuration.subcommands.compactMap { $0.configuration.commandName } }

  /// Parses the arguments of `context`, runs the command and returns the exit code.
  static func run(in context: CommandContext) async -> ExitCode {
    if let format = LogFormat.named(in: context.arguments) { context.log.format = format }
    if let advice = CommandAdvice.text(for: context.arguments, commands: commandNames) {
      context.fail(advice, .failure)
      return .failure
    }
    if let script = CompletionScript.asked(by: context.arguments) {
      context.say(script)
      return .success
    }
    let command: any ParsableCommand
    do {
      command = try await asyncParseAsRoot(context.arguments)
    } catch {
      return report(error, in: context) {
        UsageMessage.line(for: message(for: error), arguments: context.arguments)
      }
    }
    do {
      try await run(command, in: context)
      // What was to be read is not all there, so a script must not go on with it.
      if let error = StandardStream.outputFailure {
        throw CommandError("standard output cannot be written: \(error)")
      }
      return .success
    } catch {
      return report(error, in: context) { "\(error)" }
    }
  }

  private static func run(_ command: any ParsableCommand, in context: CommandContext) async throws {
    if let command = command as? any ContextualCommand { return try await command.run(in: context) }
    // One of ArgumentParser's own, like `help`.
    var command = command
    if var command = command as? any AsyncParsableCommand { return try await command.run() }
    try command.run()
  }

  /// Prints `error` for a person, or `otherwise` if it is not an error of this program, and returns its exit code.
  private static func report(
    _ error: any Error, in context: CommandContext, otherwise: () -> String
  ) -> ExitCode {
    if let error = error as? CommandError {
      if let message = error.message { context.fail(message, error.exitCode) }
      return error.exitCode
    }
    guard exitCode(for: error) != .success else {
      // --help and --version.
      context.say(ResticSpelling.shown(inHelp: fullMessage(for: error)))
      return .success
    }
    context.fail(otherwise(), .failure)
    return .failure
  }
}
