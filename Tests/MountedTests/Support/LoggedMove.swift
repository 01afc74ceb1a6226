import ResticTestSupport
import SystemPackage

/// A move of a ref as `restic-gitfs log --json` prints it.
struct LoggedMove: Decodable {
  var snapshot: String
  var time: String
  var hostname: String
  var username: String
  var repository: String
  var ref: String
  var kind: String
  var forced: Bool?
  var old: String?
  var new: String?

  /// The beginning of the snapshot's id, as a person types it.
  var shortSnapshot: String { String(snapshot.prefix(8)) }
}

extension MountedRepository {
  /// The moves that `restic-gitfs log` prints, newest first.
  func log(_ arguments: [String] = []) async throws -> [LoggedMove] {
    try Self.decode(try await gitfs(["log", "--json"] + arguments))
  }

  /// The result of `restic-gitfs log` with `arguments`, whatever its status.
  func logResult(_ arguments: String...) async throws -> (isSuccess: Bool, output: String, errorOutput: String) {
    let result = try await result(program.string, ["log"] + arguments)
    return (result.isSuccess, result.output, result.errorOutput)
  }
}
