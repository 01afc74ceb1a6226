import ResticTestSupport
import SystemPackage

@testable import ResticGitFS

/// Runs the built `restic-gitfs`, and other programs, in a folder of their own that is also their home, with none of the
/// variables that could make them behave differently.
struct ProgramRunner: Sendable {
  private let temporary: TemporaryDirectory

  /// A runner with a new, empty folder.
  init() throws {
    temporary = try TemporaryDirectory()
  }

  /// The folder.
  var directory: FilePath { temporary.path }

  /// The result of `restic-gitfs`.
  func run(
    _ arguments: [String], _ environment: [String: String?] = [:], input: String = ""
  ) async throws -> ProcessResult {
    try await run(try TerminalProcess.program.string, arguments, environment, input: input)
  }

  /// The result of `program`.
  func run(
    _ program: String, _ arguments: [String], _ environment: [String: String?] = [:], input: String = ""
  ) async throws -> ProcessResult {
    var all: [String: String?] = ["HOME": directory.string, "XDG_STATE_HOME": nil, "RESTIC_PASSWORD": nil]
    for variable in Environment.Variable.allCases where variable.rawValue.hasPrefix("RESTIC_") {
      all[variable.rawValue] = .some(nil)
    }
    let runner = ProcessRunner(environment: all.merging(environment) { $1 }, directory: directory)
    return try await runner.run(program, arguments, input: Array(input.utf8))
  }
}
