import Foundation
import ResticTestSupport
import SystemPackage
import Testing

extension MountedRepository {
  /// The status of a mount: the members that tests look at.
  struct Status: Decodable {
    struct LastError: Decodable {
      var message: String
      var exitCode: Int32
    }
    struct Newer: Decodable {
      var snapshot: String
    }
    struct RefreshError: Decodable {
      var message: String
    }
    struct Ahead: Decodable {
      var snapshot: String
      var message: String
    }
    var pid: Int32
    var newer: Newer?
    var refreshing: Bool?
    var state: String
    var snapshot: String?
    var sessionFile: String?
    var lock: String?
    var dirtyFiles: Int
    var inodes: Int?
    var lastError: LastError?
    var refreshError: RefreshError?
    var ahead: Ahead?
    var maintaining: Bool?
    var lastMaintenance: String?
  }

  /// The output of `umount --json` and `sync --json`.
  struct Report: Decodable {
    var snapshot: String?
    var changed: Bool
    var conflict: Bool
  }

  /// Mounts the repository at the folder `name`, which is created if it is missing. Returns the mountpoint.
  @discardableResult
  func mount(_ options: [String] = [], at name: String = "mnt", expecting code: Int32 = 0) async throws -> FilePath {
    let path = try makeFolder(name)
    try await gitfs(["mount", "-v", "--log-file", log.string] + options + [path.string], expecting: code)
    return path
  }

  /// Commits, unmounts and waits, with the program's own command.
  @discardableResult
  func unmount(at name: String = "mnt", expecting code: Int32 = 0) async throws -> Report {
    try Self.decode(try await gitfs(["umount", "--json", path(name).string], expecting: code))
  }

  /// Commits with the program's own command.
  @discardableResult
  func sync(at name: String = "mnt") async throws -> Report {
    try Self.decode(try await gitfs(["sync", "--json", path(name).string]))
  }

  /// Unmounts and mounts again.
  func remount(_ options: [String] = ["--no-git-init"]) async throws {
    try await unmount()
    try await mount(options)
  }

  /// The status of the mount. The program gives a mount five seconds to answer, which is too short on a busy machine: then this
  /// asks again.
  func status(at name: String = "mnt") async throws -> Status {
    let arguments = ["status", "--json", path(name).string]
    var result = try await result(program.string, arguments)
    let end = ContinuousClock.now.advanced(by: .seconds(120))
    while result.errorOutput.contains("does not answer"), ContinuousClock.now < end {
      result = try await self.result(program.string, arguments)
    }
    guard result.isSuccess else {
      let said = result.output + result.errorOutput
      throw WrongExit(description: "status of \(name) ended with \(result.status): \(said)")
    }
    return try Self.decode(result.output)
  }

  /// Whether this test has a mount at the folder `name`.
  func isMounted(at name: String = "mnt") -> Bool {
    mounts().contains(path(name).string)
  }

  /// Waits until `condition` holds; fails the test after `limit`.
  func wait(
    for what: String, limit: Duration = .seconds(300), at location: SourceLocation = #_sourceLocation,
    until condition: () async throws -> Bool
  ) async throws {
    let end = ContinuousClock.now.advanced(by: limit)
    while try await !condition() {
      try #require(ContinuousClock.now < end, "\(what) did not happen in \(limit)", sourceLocation: location)
      try await Task.sleep(for: .milliseconds(10))  // The pause between two looks.
    }
  }

  /// Waits until every process of this test has ended.
  func waitForEnd(at location: SourceLocation = #_sourceLocation) async throws {
    try await wait(for: "the end of all processes", at: location) { processes().isEmpty }
  }

  /// Waits until the mount at the folder `name` holds the lock that a first change asks for. The lock's file is there 200 ms
  /// earlier.
  func settle(at name: String = "mnt") async throws {
    try await wait(for: "the lock") { try await status(at: name).lock != nil }
  }

  static func decode<Value: Decodable>(_ text: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(text.utf8))
  }

  // MARK: Leftovers

  /// The mountpoints in the test's folder.
  func mounts() -> [String] {
    // Read to its end: `String(contentsOfFile:)` takes the first 4 KiB of such a file for all of it.
    let bytes = (try? FileHandle(forReadingAtPath: "/proc/self/mountinfo")?.readToEnd()) ?? nil
    let lines = String(decoding: bytes ?? Data(), as: UTF8.self).split(separator: "\n")
    return lines.map { String($0.split(separator: " ")[4]) }
      .filter { $0.hasPrefix(directory.path.string + "/") }
  }

  /// The processes that work for this test: those with its XDG_STATE_HOME. One that has ended has no environment.
  func processes() -> [Int32] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    let mark = Data("XDG_STATE_HOME=\(stateHome)\0".utf8)
    return names.compactMap { Int32($0) }.filter { process in
      // The process may end meanwhile, or belong to another user.
      guard let file = FileHandle(forReadingAtPath: "/proc/\(process)/environ") else { return false }
      let environment = (try? file.readToEnd()) ?? nil
      return environment?.range(of: mark) != nil
    }
  }

  /// The session files and everything else but folders below XDG_STATE_HOME. The log, which is there on machines without a
  /// system log, and what was seen of a repository stay.
  func stateFiles() -> [String] {
    guard let files = FileManager.default.enumerator(atPath: stateHome.string) else { return [] }
    return files.compactMap { $0 as? String }.filter { path in
      guard path != "restic-gitfs/log", !path.hasSuffix("/seen") else { return false }
      var isFolder: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: stateHome.appending(path).string, isDirectory: &isFolder)
      return exists && !isFolder.boolValue
    }
  }

  /// The names of the repository's files of one type. Some servers remove a folder with its last file.
  func stored(_ type: String) throws -> [String] {
    let folder = repository.appending(type).string
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  /// Fails the test if a mount or a process outlives the test by more than `grace`, and removes it.
  func expectNothingLeft(after grace: Duration, at location: SourceLocation) async throws {
    // Leftovers after the grace period are reported below.
    try? await waitUntil(grace) { mounts().isEmpty && processes().isEmpty }
    let left = [
      "mounts": mounts(), "processes": processes().map(String.init), "state": stateFiles(),
      "locks": try stored("locks"),
    ]
    for (what, left) in left where !left.isEmpty {
      Issue.record("left behind, \(what): \(left)", sourceLocation: location)
    }
    clear()
  }

  /// Removes all leftovers by force.
  func clear() {
    for process in processes() { kill(process, SIGKILL) }
    // Forced: a request without an answer would block its client for ever.
    for mount in mounts().reversed() { umount2(mount, Int32(MNT_FORCE | MNT_DETACH)) }
  }
}
