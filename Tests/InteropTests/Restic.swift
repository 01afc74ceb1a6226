import Foundation
import ResticTestSupport
import SystemPackage

@testable import ResticCore

/// The real restic, on one repository in a local folder, with a cache of its own.
struct Restic {
  static let passwordText = "correct horse"

  /// The repository's folder.
  let path: FilePath
  private let cache: FilePath
  private let runner: ProcessRunner

  /// restic for the repository in `directory`/repository.
  init(in directory: TemporaryDirectory, timeout: Duration = .seconds(300)) {
    path = directory.path.appending("repository")
    cache = directory.path.appending("cache")
    runner = ProcessRunner(
      environment: [
        "RESTIC_PASSWORD": Self.passwordText, "RESTIC_REPOSITORY": path.string, "RESTIC_CACHE_DIR": cache.string,
        "RESTIC_PASSWORD_FILE": nil, "RESTIC_PASSWORD_COMMAND": nil, "RESTIC_COMPRESSION": nil, "RESTIC_PACK_SIZE": nil,
        "LC_ALL": "C.UTF-8",
      ], timeout: timeout)
  }

  /// What `restic` wrote; fails unless it exits with 0.
  @discardableResult
  func callAsFunction(_ arguments: String..., in directory: FilePath? = nil) async throws -> String {
    var runner = runner
    runner.directory = directory
    return try await runner.check("restic", arguments).output
  }

  /// What `restic` did with more variables; fails unless it exits with 0.
  func check(_ arguments: [String], environment: [String: String]) async throws -> ProcessResult {
    var runner = runner
    runner.environment.merge(environment) { $1 }
    return try await runner.check("restic", arguments)
  }

  /// What `restic` did, whatever its exit code.
  func run(_ arguments: String...) async throws -> ProcessResult {
    try await runner.run("restic", arguments)
  }

  // MARK: The same repository, ours

  static var password: SecureBytes { Array(passwordText.utf8).withUnsafeBytes { SecureBytes(copying: $0) } }

  var backend: LocalBackend { LocalBackend(path: path) }

  static func settings(_ compression: CompressionMode = .auto) -> Repository.Settings {
    var settings = Repository.Settings()
    settings.compression = compression
    settings.scryptCost = ScryptCost(n: 1024, r: 8, p: 1)
    return settings
  }

  /// A new repository, made by us.
  func create(version: Int, compression: CompressionMode = .auto) async throws -> Repository {
    try await Repository.create(
      on: backend, version: version, password: Self.password, settings: Self.settings(compression))
  }

  /// The repository, opened by us, with its index.
  func open() async throws -> Repository {
    let repository = try await Repository.open(on: backend, password: Self.password, settings: Self.settings())
    try await repository.loadIndex()
    return repository
  }
}
