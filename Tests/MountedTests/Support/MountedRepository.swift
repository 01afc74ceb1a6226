import Foundation
import ResticTestSupport
import SystemPackage
import Testing

/// A test's own repository and everything around it: mountpoints, the daemon's state, caches, logs.
///
///     try await MountedRepository.mounted { vault in
///       try await vault.shell("echo hello > file")   // a client in the mountpoint
///       try await vault.expectKept()                  // after a commit, in a new mount, restored by restic
///     }
///
/// Another process uses the mount, with a time limit: a mount that hangs fails its test and no other. At the end
/// the test fails when a mount, a process, a session file or a lock is left behind, or when `restic check` complains.
/// The daemons' logs stay in `mounted-logs` in the build folder until the next run.
final class MountedRepository: Sendable {
  static let password = "a password that is 7f3a91 and nowhere else"

  /// The test's folder, which has everything.
  let directory: TemporaryDirectory
  /// The program under test.
  let program: FilePath
  /// Where the daemons log.
  let log: FilePath
  /// Runs programs with this test's environment.
  let runner: ProcessRunner
  /// The server of the repository.
  let server: StorageServer

  /// The test's folder.
  var folder: FilePath { directory.path }
  /// Where the repository is, as it is given to all programs.
  var location: String { server.location }
  /// The folder of the repository, whichever server leads to it.
  var repository: FilePath { directory.path.appending("repository") }
  /// The default mountpoint.
  var mountpoint: FilePath { path("mnt") }
  /// XDG_STATE_HOME.
  var stateHome: FilePath { path("state") }

  private init(version: Int, storage: TestStorage) async throws {
    directory = try TemporaryDirectory(prefix: "mounted")
    program = try BuiltProgram.path()
    log = try Self.logFile()
    let path = directory.path
    let repository = path.appending("repository")
    try await CheapRepository.create(at: repository, version: version, password: Self.password)
    server = try await storage.serve(repository)
    var environment = Self.environment(in: path)
    environment["RESTIC_REPOSITORY"] = server.location
    environment.merge(server.environment) { $1 }
    runner = ProcessRunner(environment: environment, directory: path, timeout: .seconds(600))
    for folder in ["mnt", "tmp", "python"] { try makeFolder(folder) }
    try Data(PythonPrelude.text.utf8).write(to: URL(fileURLWithPath: path.appending("python/prelude.py").string))
    try Data(Self.gitConfiguration.utf8).write(to: URL(fileURLWithPath: path.appending("gitconfig").string))
  }

  /// Runs `body` with a new repository that is not mounted, on a `storage` (nil: the one that is chosen for all tests).
  /// `checks` is off for repositories that are meant to be damaged; `grace` is how long a process may take to end after the
  /// test.
  @discardableResult
  static func with<Result: Sendable>(
    version: Int = 2, storage: TestStorage? = nil, limit: Duration = .seconds(1200), grace: Duration = .seconds(120),
    checks: Bool = true, at location: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (MountedRepository) async throws -> Result
  ) async throws -> Result {
    try await TestSlots.shared.run {
      let vault = try await MountedRepository(version: version, storage: try storage ?? TestStorage.chosen)
      let result: Result
      do {
        result = try await withTimeLimit(limit) { try await body(vault) }
      } catch {
        print("the daemon's log, \(vault.log):\n\(vault.logTail())")
        vault.clear()
        throw error
      }
      try await vault.expectNothingLeft(after: grace, at: location)
      if checks { try await vault.restic(["check", "--read-data", "--no-lock", "--no-cache"]) }
      try await vault.server.stop()
      return result
    }
  }

  /// As `with`, mounted at `mountpoint` with `options`. Afterwards it is unmounted, which must commit.
  static func mounted(
    _ options: [String] = ["--no-git-init"], version: Int = 2, storage: TestStorage? = nil,
    limit: Duration = .seconds(1200), at location: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (MountedRepository) async throws -> Void
  ) async throws {
    try await with(version: version, storage: storage, limit: limit, at: location) { vault in
      try await vault.mount(options)
      try await body(vault)
      if vault.isMounted() { try await vault.unmount() }
    }
  }

  /// `relative` in the test's folder.
  func path(_ relative: String) -> FilePath {
    directory.path.appending(relative)
  }

  /// Makes a folder in the test's folder.
  @discardableResult
  func makeFolder(_ relative: String) throws -> FilePath {
    try FileManager.default.createDirectory(atPath: path(relative).string, withIntermediateDirectories: true)
    return path(relative)
  }

  /// No process of git's stays behind in a mount, and no packfiles are merged but by a test: a push starts maintenance in the
  /// background, and that of git 2.55 merges small packfiles. It is a file, as git hands on none of its variables to the
  /// other side of a push.
  private static let gitConfiguration = "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"

  /// A test depends on none of the user's own settings, and reads and writes nothing in the user's folders.
  private static func environment(in path: FilePath) -> [String: String?] {
    var environment: [String: String?] = [:]
    for name in ProcessInfo.processInfo.environment.keys
    where ["RESTIC_", "GIT_", "AWS_", "MINIO_"].contains(where: name.hasPrefix) {
      environment[name] = String?.none
    }
    let own: [String: String?] = [
      "REPOSITORY_FOLDER": path.appending("repository").string, "RESTIC_PASSWORD": password,
      "RESTIC_CACHE_DIR": path.appending("cache").string, "XDG_STATE_HOME": path.appending("state").string,
      "XDG_CACHE_HOME": path.appending("cache").string, "XDG_CONFIG_HOME": path.appending("config").string,
      "TMPDIR": path.appending("tmp").string, "PYTHONPATH": path.appending("python").string, "LC_ALL": "C.UTF-8",
      "TZ": "UTC",
      "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": path.appending("gitconfig").string,
      "GIT_AUTHOR_NAME": "A U Thor", "GIT_AUTHOR_EMAIL": "author@example.com",
      "GIT_COMMITTER_NAME": "C O Mitter", "GIT_COMMITTER_EMAIL": "committer@example.com",
      "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "init.defaultBranch", "GIT_CONFIG_VALUE_0": "main",
      "GIT_CONFIG_KEY_1": "advice.detachedHead", "GIT_CONFIG_VALUE_1": "false",
    ]
    return environment.merging(own) { _, own in own }
  }

  /// A new file for the running test in `mounted-logs`.
  private static func logFile() throws -> FilePath {
    // Noted by the first test, before there is a log of this run.
    let start = firstUse
    let test = Test.current.map { "\($0.id)" } ?? "unnamed"
    let name = test.split(separator: "/").suffix(2).joined(separator: "-").filter {
      $0.isLetter || $0.isNumber || $0 == "-"
    }
    let folder = try BuiltProgram.buildFolder().appending("mounted-logs")
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
    let path = folder.appending("\(name)-\(UInt16.random(in: .min ... .max)).log")
    for old in try FileManager.default.contentsOfDirectory(atPath: folder.string) where old.hasPrefix(name + "-") {
      // A parameterised test has several at a time; only those of an earlier run go, and another may be quicker.
      let file = folder.appending(old).string
      let made = try? FileManager.default.attributesOfItem(atPath: file)[.modificationDate] as? Date
      if let made, made < start { try? FileManager.default.removeItem(atPath: file) }
    }
    return path
  }

  private static let firstUse = Date()

  private func logTail() -> String {
    // There is no log before the first mount.
    let bytes = (try? [UInt8](Data(contentsOf: URL(fileURLWithPath: log.string)))) ?? []
    return String(decoding: bytes.suffix(8000), as: UTF8.self)
  }
}

/// `body`, cancelled when it takes longer than `limit`: then the programs it runs are killed.
private func withTimeLimit<Result: Sendable>(
  _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)  // The limit itself.
      throw TestTookTooLong(limit: limit)
    }
    defer { group.cancelAll() }
    guard let result = try await group.next() else { throw CancellationError() }
    return result
  }
}

private struct TestTookTooLong: Error {
  let limit: Duration
}
