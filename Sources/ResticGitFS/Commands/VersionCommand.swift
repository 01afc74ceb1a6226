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

  /// The output of `--json`; `message_type` and `version` are restic's names.
  private struct Report: Encodable {
    let messageType = "version"
    let version = Version.current
    /// Nil unless the build is a release.
    let commit = Version.commit.isEmpty ? nil : Version.commit
    /// Name and version of each C library.
    let libraries = ProgramLibraries.list

    private enum CodingKeys: String, CodingKey {
      case messageType = "message_type"
      case version, commit, libraries
    }
  }

  func run(in context: CommandContext) async throws {
    if json { return context.say(JSONText.line(Report())) }
    context.say(Self.text)
  }
}
