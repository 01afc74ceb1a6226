import ArgumentParser
import ProgramVersion

/// `restic-gitfs version`, and the option `--version`.
struct VersionCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version, the commit and the libraries.")

  /// The version and the commit; on a second line the libraries that the program runs with.
  static var text: String { Version.line(of: "restic-gitfs") + "\n" + ProgramLibraries.text }

  func run(in context: CommandContext) async throws {
    context.say(Self.text)
  }
}
