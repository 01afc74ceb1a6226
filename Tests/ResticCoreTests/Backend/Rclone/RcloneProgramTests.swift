import Foundation
import Glibc
import Logging
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// Every rule of `Backend`, and N4, N5, N7, N8, N10 and L1, with the real rclone, through its standard input and output.
@Suite("A repository that rclone reaches", .timeLimit(.minutes(30)))
struct RcloneProgramTests {
  private let directory: TemporaryDirectory
  private var folder: FilePath { directory.path.appending("served") }
  private static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  init() throws {
    directory = try TemporaryDirectory()
  }

  /// The repository `remote`, through `program`, on which options act as on the command line.
  private func backend(
    _ remote: String, program: String? = nil, _ options: [String] = [],
    _ change: (inout TransportOptions) -> Void = { _ in }
  ) throws -> any Backend {
    var transport = TransportOptions()
    change(&transport)
    // The user's own configuration does not count.
    let program = try "env RCLONE_CONFIG=/dev/null " + (program ?? RcloneServer.Release.current.program)
    return try BackendLocation.parse("rclone:\(remote)").makeBackend(
      // A busy machine may be slow, which is not a failure.
      options: ["rclone.program=\(program)", "rclone.timeout=5m"] + options, transport: transport, logger: Self.silent)
  }

  private func retrying(_ backend: any Backend, _ clock: TestClock = TestClock(advancesOnSleep: true))
    -> RetryingBackend
  {
    RetryingBackend(backend, clock: clock, logger: Self.silent)
  }

  private static func file(_ bytes: [UInt8], _ type: BackendFileType = .data) throws -> BackendFile {
    let id: ID<Never> = SHA256.id(of: bytes)
    return try #require(BackendFile(type: type, name: id.hex))
  }

  private func plant(in root: FilePath) -> BackendConformance.Planter {
    { type, name in
      let place = type == .config ? root : root.appending(type.rawValue)
      try Data("planted".utf8).write(to: URL(fileURLWithPath: place.appending(name).string))
    }
  }

  @Test(
    "the backend keeps every rule of Backend, with old and new programs, on a folder and on a remote",
    arguments: RcloneServer.Release.allCases, ["", ":local:"])
  func conformance(release: RcloneServer.Release, remote: String) async throws {
    let root = folder.appending("some").appending("vault")
    let backend = retrying(try backend("\(remote)\(root)", program: release.program))
    let violations = await BackendConformance(backend, plant: plant(in: root), replacesFiles: true).violations()
    #expect(violations == [])
  }

  @Test("the backend keeps every rule of Backend through another program that starts rclone with arguments of its own")
  func wrapper() async throws {
    // Like ssh with a forced command: the arguments do not count.
    let script = directory.path.appending("forced command")
    let rclone = try RcloneServer.Release.current.program
    let text = "#!/bin/sh\n\(rclone) serve restic --stdio \(folder)\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: script.string))
    chmod(script.string, 0o755)
    let backend = retrying(try backend("ignored:x", program: "sh '\(script)' -p 22", ["rclone.args=user@host"]))
    let violations = await BackendConformance(backend, replacesFiles: true).violations()
    #expect(violations == [])
  }

  @Test("16 packs are saved and loaded at the same time, whole and in parts")
  func packs() async throws {
    let backend = try backend(folder.string, ["rclone.connections=16"])
    try await backend.create()
    var random = SplitMix64(seed: 5)
    let packs = (0..<16).map { _ in random.bytes(16 << 20) }
    try await withThrowingTaskGroup { group in
      for pack in packs {
        group.addTask {
          let file = try Self.file(pack)
          try await backend.save(file, pack)
          #expect(try await backend.load(file).array == pack)
          let range = 1_000_000..<15_000_000
          #expect(try await backend.load(file, range: range).array == Array(pack[range]))
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("a killed rclone costs a retry, and nothing else", arguments: RcloneServer.Release.allCases)
  func killed(release: RcloneServer.Release) async throws {
    let backend = retrying(try backend(folder.string, program: release.program))
    try await backend.create()
    var random = SplitMix64(seed: 6)
    for _ in 0..<12 {
      let pack = random.bytes(8 << 20)
      let file = try Self.file(pack)
      async let saved: Void = backend.save(file, pack)
      try await killSoon(&random)
      try await saved
      async let loaded = backend.load(file)
      try await killSoon(&random)
      #expect(try await loaded.array == pack)
    }
    #expect(try await backend.list(.data).count == 12)
  }

  /// Kills rclone at any moment of a call.
  private func killSoon(_ random: inout SplitMix64) async throws {
    try await Task.sleep(for: .milliseconds(Int.random(in: 0..<150, using: &random)))  // Any moment will do.
    for process in programs() { kill(process, SIGKILL) }
  }

  /// The running programs that serve the folder of this test.
  private func programs() -> [pid_t] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.filter { process in
      guard process != getpid() else { return false }
      let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
      return words.range(of: Data(folder.string.utf8)) != nil
    }
  }

  @Test("a stopped rclone is noticed, killed and started again")
  func stopped() async throws {
    // A slow answer costs a retry, as a program that has stopped does.
    let backend = retrying(try backend(folder.string) { $0.stuckTimeout = .seconds(15) })
    try await backend.create()
    try await waitUntil { programs().count == 1 }
    let before = programs()
    for process in before { kill(process, SIGSTOP) }
    let pack = [UInt8](repeating: 7, count: 1 << 20)
    try await backend.save(Self.file(pack), pack)
    try await waitUntil { programs().count == 1 }
    #expect(programs() != before)
  }

  @Test("the program ends once nobody uses the backend")
  func end() async throws {
    var backend: (any Backend)? = try backend(folder.string)
    #expect(try await backend?.list(.key).isEmpty == true)
    #expect(programs().count == 1)
    backend = nil
    try await waitUntil { programs().isEmpty }
  }

  @Test(
    "an unknown remote is an error within seconds, with rclone's own message",
    arguments: RcloneServer.Release.allCases)
  func noRemote(release: RcloneServer.Release) async throws {
    let clock = TestClock(advancesOnSleep: true)
    let backend = retrying(try backend("nosuchremote:x", program: release.program), clock)
    let error = await #expect(throws: BackendError.self) { try await backend.list(.key) }
    guard case .unreachable(let message) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(message.contains("rclone ended before it answered") && message.contains("nosuchremote"), "\(message)")
    #expect(clock.sleeps.reduce(.zero, +) <= .seconds(5))
  }

  @Test("a program other than rclone is an error")
  func wrongProgram() async throws {
    for (program, said) in [
      ("true", "ended before"), ("sh -c 'echo Hello; exec cat'", "\"Hello"), ("cat /dev/zero", "instead of HTTP/2"),
    ] {
      let backend = try backend("x:", program: program, ["rclone.args="])
      let error = await #expect(throws: BackendError.self) { try await backend.list(.key) }
      #expect(error.map { "\($0)".contains(said) } == true, "\(String(describing: error))")
    }
  }

  @Test("append-only: new files are accepted and only locks are removed; a file that is saved again is compared")
  func appendOnly() async throws {
    let backend = try backend(folder.string, ["rclone.args=serve restic --stdio --append-only"])
    try await backend.create()
    let file = try Self.file([1, 2, 3])
    let large = [UInt8](repeating: 9, count: 8 << 20)
    for bytes in [[1, 2, 3], large] {
      try await backend.save(Self.file(bytes), bytes)
      try await backend.save(Self.file(bytes), bytes)
    }
    await #expect(throws: BackendError.alreadyExists(file)) { try await backend.save(file, [4]) }
    let error = await #expect(throws: BackendError.self) { try await backend.remove(file) }
    #expect(error.map { "\($0)".contains("append-only") && "\($0)".contains("403") } == true)
    let lock = try Self.file([5], .lock)
    try await backend.save(lock, [5])
    try await backend.remove(lock)
    #expect(try await backend.list(.lock).isEmpty)
  }

  @Test("the error for a failed request has rclone's message", arguments: RcloneServer.Release.allCases)
  func reason(release: RcloneServer.Release) async throws {
    // A file is where the folder should be.
    try Data().write(to: URL(fileURLWithPath: folder.string))
    let backend = try backend(folder.appending("vault").string, program: release.program)
    let error = await #expect(throws: BackendError.self) { try await backend.save(Self.file([1]), [1]) }
    #expect(error.map { "\($0)".contains("not a directory") && $0.isRetryable } == true, "\(String(describing: error))")
  }

  @Test("a lock that another client has removed is gone, whatever rclone has cached")
  func removedLock() async throws {
    let backend = try backend(folder.string)
    try await backend.create()
    let lock = try Self.file([1], .lock)
    try await backend.save(lock, [1])
    #expect(try await backend.byteCount(of: lock) == 1)
    try FileManager.default.removeItem(atPath: folder.appending("locks/\(lock.name)").string)
    await #expect(throws: BackendError.notFound(lock)) { try await backend.byteCount(of: lock) }
  }

  private static let largeByteCount = 300 << 10

  @Test("the rate limit holds for all requests together", arguments: [true, false])
  func limits(isUpload: Bool) async throws {
    let packs = (0..<3).map { [UInt8](repeating: $0, count: Self.largeByteCount) }
    let free = try backend(folder.string)
    try await free.create()
    for pack in packs where !isUpload { try await free.save(Self.file(pack), pack) }
    let limited = try backend(folder.string) {
      if isUpload { $0.uploadLimit = 200 << 10 } else { $0.downloadLimit = 200 << 10 }
    }
    _ = try await limited.list(.key)
    let start = ContinuousClock.now
    try await withThrowingTaskGroup { group in
      for pack in packs {
        group.addTask {
          let file = try Self.file(pack)
          if isUpload { try await limited.save(file, pack) } else { _ = try await limited.load(file) }
        }
      }
      try await group.waitForAll()
    }
    // 900 KiB, minus 200 KiB that are there at once, and minus the 64 KiB of each download that are sent before the limit applies.
    #expect(start.duration(to: .now) > .seconds(2))
  }

  @Test("small requests pass while large requests wait for the rate", arguments: [true, false])
  func smallRequests(isUpload: Bool) async throws {
    let pack = [UInt8](repeating: 7, count: Self.largeByteCount)
    let free = try backend(folder.string)
    try await free.create()
    try await free.save(Self.file(pack), pack)
    let limited = try backend(folder.string) {
      if isUpload { $0.uploadLimit = 1 << 10 } else { $0.downloadLimit = 1 << 10 }
    }
    let waiting = (0..<3).map { _ in
      Task {
        let file = try Self.file(pack)
        if isUpload { try await limited.save(file, pack) } else { _ = try await limited.load(file) }
      }
    }
    let lock = try Self.file([1], .lock)
    for _ in 0..<20 {
      try await limited.save(lock, [1])
      #expect(try await limited.load(lock).array == [1])
    }
    for task in waiting {
      task.cancel()
      // Minutes are left of it.
      await #expect(throws: BackendError.self) { try await task.value }
    }
  }
}
