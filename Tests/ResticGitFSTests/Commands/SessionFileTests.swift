import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("A session file")
struct SessionFileTests {
  private let home: TemporaryDirectory
  private let directory: SessionDirectory
  private let record = SessionRecord(processID: getpid(), mountpoint: "/mnt/vault", state: .starting)

  init() throws {
    home = try TemporaryDirectory()
    directory = SessionDirectory(stateHome: home.path, repositoryID: String(repeating: "ab", count: 32))
  }

  /// A session file as a process that died leaves it: with content and without a lock.
  private func makeStale() throws -> FilePath {
    let path = try directory.create(record).path
    let copy = path.removingLastComponent().appending("stale.json")
    try write(Array(#"{"pid":1,"mountpoint":"/mnt/dead","state":"committing"}"#.utf8), to: copy)
    return copy
  }

  @Test("tells other processes what its own process is doing")
  func roundTrip() throws {
    let file = try directory.create(record)
    let observer = try SessionObserver(path: file.path)
    #expect(observer.record() == record)

    try file.update { record in
      record.state = .committing
      record.progress = MountStatus.Progress(filesDone: 1, filesTotal: 2, bytesDone: 3, bytesTotal: 4)
    }
    #expect(observer.record()?.state == .committing)
    #expect(observer.record()?.progress?.bytesTotal == 4)

    // Shorter than the previous record.
    try file.update { $0.progress = nil }
    #expect(observer.record()?.progress == nil)
  }

  @Test(
    "tells the session's end to a reader that opened the file before its removal",
    arguments: [
      MountOutcome.clean(snapshot: nil), .committed(snapshot: "ab"), .conflict(snapshot: "ab", message: "x \"y\""),
      .failed(message: "no room"),
    ])
  func outcome(outcome: MountOutcome) throws {
    let file = try directory.create(record)
    let observer = try SessionObserver(path: file.path)
    try file.end(outcome)
    #expect(observer.record()?.outcome == outcome)
    #expect(observer.record()?.state == .ended)
    #expect(throws: Errno.self) { try SessionObserver(path: file.path) }
    // A late report of progress must not bring it back to life.
    try file.update { $0.state = .serving }
    #expect(observer.record()?.outcome == outcome)
    withExtendedLifetime(file) { #expect(!observer.isOver) }
  }

  @Test("is over once its process has ended, whatever the file says")
  func lock() throws {
    var file: SessionFile? = try directory.create(record)
    let observer = try SessionObserver(path: try #require(file?.path))
    #expect(!observer.isOver)
    #expect(!observer.isOver)
    file = nil
    #expect(observer.isOver)
  }

  @Test("of a dead process is removed; that of a living process is not")
  func stale() throws {
    let stale = try makeStale()
    let file = try directory.create(record)
    #expect(try directory.sessions().map(\.path) == [file.path])
    #expect(access(stale.string, F_OK) != 0)
    #expect(access(file.path.string, F_OK) == 0)
    #expect(try directory.sessions().count == 1)
  }

  @Test("and its folders are private")
  func permissions() throws {
    let file = try directory.create(record)
    var attributes = stat()
    #expect(stat(file.path.string, &attributes) == 0)
    #expect(attributes.st_mode & 0o777 == 0o600)
    #expect(stat(file.path.removingLastComponent().string, &attributes) == 0)
    #expect(attributes.st_mode & 0o777 == 0o700)
    #expect(file.path.starts(with: home.path.appending("restic-gitfs")))
  }

  @Test("that is empty, truncated or invalid is ignored, and hides no other file")
  func unreadable() throws {
    let file = try directory.create(record)
    let whole = try FileContent.load(file.path)
    let path = file.path.removingLastComponent().appending("odd.json")
    for length in [0, 1, whole.count / 2] {
      try write(Array(whole[..<length]), to: path)
      #expect(try SessionObserver(path: path).record() == nil)
    }
    try write(Array("[]\n".utf8), to: path)
    #expect(try SessionObserver(path: path).record() == nil)
    #expect(try directory.sessions().map(\.path) == [file.path])
  }

  @Test("is always complete for readers, however often it is rewritten")
  func concurrentReaders() async throws {
    let file = try directory.create(record)
    let observer = try SessionObserver(path: file.path)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for round in 0..<2000 {
          try file.update { $0.mountpoint = String(repeating: "x", count: round % 97) }
        }
      }
      for _ in 0..<2000 { #expect(observer.record() != nil) }
      try await group.waitForAll()
    }
  }

  @Test("does not exist before there is a folder")
  func none() throws {
    #expect(try directory.sessions().isEmpty)
  }
}
