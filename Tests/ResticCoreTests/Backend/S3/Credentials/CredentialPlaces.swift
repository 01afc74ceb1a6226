import Foundation
import ResticTestSupport
import SystemPackage

@testable import ResticCore

/// The places of credentials in restic's order: a home folder and variables of a test's own, and services that the test makes up.
struct CredentialPlaces {
  private let directory: TemporaryDirectory

  /// The home folder.
  var home: FilePath { directory.path }

  /// Places without credentials.
  init() throws {
    directory = try TemporaryDirectory()
  }

  /// Writes the file `path` of the home folder.
  func write(_ path: String, _ text: String, mode: Int = 0o600) throws {
    let file = home.appending(path)
    try FileManager.default.createDirectory(
      atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: file.string))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.string)
  }

  /// The variables `variables`, with that home folder; the machine's service is off.
  func environment(_ variables: [String: String] = [:]) -> S3Environment {
    let all = ["HOME": home.string, "AWS_EC2_METADATA_DISABLED": "true"].merging(variables) { $1 }
    return S3Environment { all[$0] }
  }

  /// The credentials that the chain finds with `variables`; `servers` stand for the services.
  func found(
    _ variables: [String: String] = [:],
    _ servers: ScriptedServers = ScriptedServers { _ in ScriptedServers.answer(500) }
  ) async throws -> S3Credentials? {
    try await CredentialChain(environment(variables), makeTransport: servers.makeTransport).credentials()
  }
}
