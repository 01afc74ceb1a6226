import Foundation
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("The help")
struct HelpTests {
  /// What ArgumentParser tells of a command.
  private struct Dump: Decodable {
    struct Command: Decodable {
      struct Argument: Decodable {
        struct Name: Decodable {
          let name: String
        }

        let kind: String
        let names: [Name]?
        let abstract: String?
        let defaultValue: String?
        let shouldDisplay: Bool
      }

      let commandName: String
      let arguments: [Argument]?
      let subcommands: [Command]?
    }

    let command: Command
  }

  /// Options that change nothing unless they are given.
  private static let withoutDefault: Set<String> = [
    "keep-daily", "keep-hourly", "keep-last", "keep-monthly", "keep-tag", "keep-weekly", "keep-within",
    "keep-within-daily", "keep-within-hourly", "keep-within-monthly", "keep-within-weekly", "keep-within-yearly",
    "keep-yearly", "log-file", "max-count", "metrics-file", "option", "path", "restore", "subfolder", "tag",
  ]

  @Test("names the default of every option that has one; the manual is made from the same words")
  func defaults() async throws {
    let result = try await ProgramRunner().run(["--experimental-dump-help"])
    let dump = try JSONDecoder().decode(Dump.self, from: Data(result.output.utf8))
    let commands = dump.command.subcommands ?? []
    #expect(commands.count > 10)
    for command in commands {
      for option in command.arguments ?? [] where option.kind == "option" && option.shouldDisplay {
        let name = try #require(option.names?.map(\.name).max { $0.count < $1.count })
        let isNamed = option.defaultValue != nil || option.abstract?.contains("default: ") == true
        #expect(isNamed != Self.withoutDefault.contains(name), "\(command.commandName) --\(name)")
      }
    }
  }

  @Test("shows that the interval of --watch may be left out")
  func optionalValue() async throws {
    let result = try await ProgramRunner().run(["status", "--help"])
    let lines = result.output.split(separator: "\n")
    #expect(
      lines.contains("USAGE: restic-gitfs status [--json] [--watch [<seconds>]] [<mountpoint>]"), "\(result.output)")
    #expect(lines.contains { $0.hasPrefix("  --watch [<seconds>]     Repeat") }, "\(result.output)")
  }

  @Test(
    "a duration is shown as it is typed", arguments: [(30, "30s"), (300, "5m"), (7200, "2h"), (0, "0s"), (90, "90s")])
  func durations(seconds: Int, text: String) throws {
    #expect(Duration.seconds(seconds).optionText == text)
    #expect(try Duration.parse(text) == .seconds(seconds))
  }
}
