import ArgumentParser
import ProgramVersion

/// `restic-gitfs version`, and the option `--version`.
struct VersionCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version, the commit and the libraries.")

  /// The version and the commit; on a second line, the libraries.
  static var text: String { Version.line(of: "restic-gitfs") + "\n" + ProgramLibraries.text }

  @Flag(help: "Print JSON.")
  var json = false

  /// The output of `--json`; the names are restic's.
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
    context.say(Self.text)
  }
}
