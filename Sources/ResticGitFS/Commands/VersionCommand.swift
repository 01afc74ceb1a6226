import ArgumentParser
import ProgramVersion

/// `restic-gitfs version`.
struct VersionCommand: ContextualCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

  @Flag(help: "Print JSON.")
  var json = false

  /// What `--json` prints; the names are restic's.
  private struct Report: Encodable {
    let messageType = "version"
    let version: String

    private enum CodingKeys: String, CodingKey {
      case messageType = "message_type"
      case version
    }
  }

  func run(in context: CommandContext) async throws {
    if json { return context.say(JSONText.line(Report(version: Version.current))) }
    context.say("restic-gitfs \(Version.current)")
  }
}
