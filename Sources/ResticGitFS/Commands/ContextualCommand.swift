import ArgumentParser

/// A command of this program: parsed by ArgumentParser, run in the context of the process.
protocol ContextualCommand: AsyncParsableCommand {
  /// Runs the command. Throws `CommandError` for errors with a message for a person.
  func run(in context: CommandContext) async throws
}
