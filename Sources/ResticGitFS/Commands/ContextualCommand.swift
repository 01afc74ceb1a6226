import ArgumentParser

/// A command of this program: parsed by ArgumentParser, run with what the process gives it.
protocol ContextualCommand: AsyncParsableCommand {
  /// Runs the command. Throws `CommandError` for what a person is to be told.
  func run(in context: CommandContext) async throws
}
