import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// N5, N7, N9 and H3: connections and servers that fail.
@Suite("SFTPBackend with servers that fail", .timeLimit(.minutes(30)))
struct SFTPFaultTests {
  private let directory: TemporaryDirectory
  private let root: FilePath
  private let filter: SFTPFilter

  init() async throws {
    directory = try TemporaryDirectory()
    root = directory.path.appending("vault")
    filter = try SFTPFilter(in: directory.path)
    let backend = try SFTPFixture.backend(root)
    try await backend.create()
    try await backend.save(.config, [1, 2, 3])
  }

  private func backend(
    _ fault: SFTPFilter.Fault, _ change: (inout TransportOptions) -> Void = { _ in }
  ) throws -> SFTPBackend {
    try SFTPFixture.backend(root, ["sftp.command=\(filter.command(fault))"], change)
  }

  @Test("connections that break at any time cost retries, and nothing else", arguments: [200, 300])
  func cuts(packets: Int) async throws {
    let clock = TestClock(advancesOnSleep: true)
    let backend = SFTPFixture.stack(try backend(.cut(atMost: packets)), clock: clock, policy: SFTPFixture.patient)
    var random = SplitMix64(seed: 9)
    let contents = (0..<30).map { random.bytes($0 % 6 == 0 ? 400_000 + $0 : 100 * $0) }
    try await SFTPFixture.expectKept(contents, by: backend)
    #expect(clock.sleeps.count > 0 && filter.connectionCount > 1)
    let whole = try SFTPFixture.backend(root)
    let listed = try await whole.list(.data)
    #expect(Set(listed.map(\.file)) == Set(contents.map { SFTPFixture.file(.data, $0) }))
    for entry in listed {
      let bytes = try await whole.load(entry.file).array
      #expect(SFTPFixture.file(.data, bytes) == entry.file)
    }
  }

  @Test("an answer that is lost after any packet of a save loses no file, and leaves no partial file")
  func lostAnswers() async throws {
    let bytes = [UInt8](repeating: 3, count: 70_000)
    for count in 0..<14 {
      let file = SFTPFixture.file(.index, bytes + [UInt8(count)])
      let failing = try backend(.loseAnswer(after: count))
      do throws(BackendError) {
        try await failing.save(file, bytes + [UInt8(count)])
      } catch {
        #expect(error.isRetryable, "\(error)")
      }
      let listed = try await SFTPFixture.backend(root).list(.index).filter { $0.file == file }
      #expect(listed.isEmpty || listed.map(\.byteCount) == [bytes.count + 1])
      try await SFTPFixture.backend(root).save(file, bytes + [UInt8(count)])
    }
  }

  @Test("invalid packets of a server are an error, and take no memory")
  func garbage() async throws {
    let file = SFTPFixture.file(.index, [5])
    try await SFTPFixture.backend(root).save(file, [5])
    for count in 1..<6 {
      let faults = [
        SFTPFilter.Fault.wrongNumber(after: count), .oversize(after: count), .emptySuccess(after: count),
        .truncate(after: count, to: 5), .truncate(after: count, to: 7), .truncate(after: count, to: 0),
      ]
      for fault in faults {
        let backend = try backend(fault)
        var errors: [BackendError] = []
        for _ in 0..<3 {
          do throws(BackendError) {
            #expect(try await backend.load(file).array == [5])
          } catch {
            errors.append(error)
          }
        }
        // No caller waits for the last answer.
        #expect(count == 5 || !errors.isEmpty, "\(fault)")
        for error in errors {
          guard case .unavailable = error else {
            Issue.record("\(fault): \(error)")
            continue
          }
        }
      }
    }
  }

  @Test("a banner in place of SFTP is an error, and the message quotes the banner")
  func banner() async throws {
    let error = await #expect(throws: BackendError.self) {
      try await backend(.banner("Welcome to \u{1B}[1mnas!\n")).list(.key)
    }
    guard case .denied(let message) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(message.contains("Welcome to  [1mnas!") && message.contains("127.0.0.1"), "\(message)")
  }

  @Test("a silent server is given up after the time limit, and replaced by a new connection")
  func silence() async throws {
    for count in [0, 2, 5] {
      // A slow answer before the silence meets the same limit, and gives the same message.
      let backend = try backend(.silence(after: count)) { $0.stuckTimeout = .seconds(2) }
      let error = await #expect(throws: BackendError.self) {
        for _ in 0..<5 { _ = try await backend.load(.config) }
      }
      guard case .unavailable(let message) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(message.contains("has not answered for 2 s"), "\(message)")
    }
    #expect(filter.connectionCount == 3)
  }

  @Test("a cancelled call ends at once, and the connection stays usable for other calls")
  func cancellation() async throws {
    let backend = try backend(.delay(.seconds(2)))
    let bytes = [UInt8](repeating: 1, count: 3_000_000)
    let file = SFTPFixture.file(.data, bytes)
    _ = try await backend.byteCount(of: .config)
    let task = Task { try await backend.save(file, bytes) }
    try await waitUntil { filter.lines.contains { $0.hasPrefix("> open") } }
    task.cancel()
    let error = try await withTimeLimit { await #expect(throws: BackendError.self) { try await task.value } }
    #expect("\(String(describing: error))".contains("cancelled"))
    #expect(try await backend.byteCount(of: .config) == 3)
    #expect(filter.connectionCount == 1)
    // The partial file is removed again.
    let folder = root.appending("data").appending(String(file.name.prefix(2)))
    try await waitUntil { try FileManager.default.contentsOfDirectory(atPath: folder.string).isEmpty }
    // A cancelled task can still clean up.
    let cleaning = Task {
      while !Task.isCancelled { await Task.yield() }
      try await backend.remove(.config)
    }
    cleaning.cancel()
    try await cleaning.value
    #expect(try await backend.list(.config) == [])
  }

  @Test("a full disk is reported as such, and the partial file is removed", .enabled(if: geteuid() == 0, "needs root"))
  func fullDisk() async throws {
    let disk = directory.path.appending("disk")
    let runner = ProcessRunner()
    try await runner.check("mkdir", [disk.string])
    try await runner.check("mount", ["-t", "tmpfs", "-o", "size=2m", "test-disk", disk.string])
    defer { umount2(disk.string, Int32(MNT_DETACH)) }
    let backend = try SFTPFixture.backend(disk.appending("vault"))
    try await backend.create()
    try await backend.save(.config, [1])
    let bytes = [UInt8](repeating: 1, count: 3 << 20)
    let file = SFTPFixture.file(.data, bytes)
    let error = await #expect(throws: BackendError.self) { try await backend.save(file, bytes) }
    guard case .noSpace = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try await backend.list(.data) == [])
    let folder = disk.appending("vault/data").appending(String(file.name.prefix(2)))
    try await waitUntil { try FileManager.default.contentsOfDirectory(atPath: folder.string).isEmpty }
    try await backend.save(SFTPFixture.file(.data, [1]), [1])

    try await runner.check("mount", ["-o", "remount,ro", disk.string])
    let readOnly = await #expect(throws: BackendError.self) {
      try await backend.save(SFTPFixture.file(.data, [2]), [2])
    }
    guard case .denied(let message) = readOnly else {
      Issue.record("\(String(describing: readOnly))")
      return
    }
    #expect(message.contains("read-only"))
  }

  @Test("a folder without write permission is a permanent error", .enabled(if: geteuid() == 0, "needs root"))
  func denied() async throws {
    let command = "setpriv --reuid=65534 --regid=65534 --clear-groups \(SSHServer.sftpServer)"
    let clock = TestClock(advancesOnSleep: true)
    #expect(chmod(directory.path.string, 0o755) == 0)
    #expect(chmod(root.string, 0o755) == 0 && chmod(root.appending("index").string, 0o755) == 0)
    let backend = SFTPFixture.stack(try SFTPFixture.backend(root, ["sftp.command=\(command)"]), clock: clock)
    let calls: [@Sendable () async throws -> Void] = [
      { try await backend.save(SFTPFixture.file(.index, [1]), [1]) },
      { _ = try await backend.load(.config) },
      { try await backend.remove(.config) },
    ]
    for call in calls {
      let error = await #expect(throws: BackendError.self) { try await call() }
      guard case .denied(let message) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(message.contains("127.0.0.1") && message.contains("--read-only"))
    }
    #expect(clock.sleeps == [])
  }
}
