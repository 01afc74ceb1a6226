import ArgumentParser
import ProgramVersion

/// `restic-gitfs version`.
struct VersionCommand: ContextualCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

  func run(in context: CommandContext) async throws {
    context.say("restic-gitfs \(Version.current)")
  }
}
