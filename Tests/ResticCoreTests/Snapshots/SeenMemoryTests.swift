import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

// D1 What was seen is kept sealed, for its owner only; whatever is wrong with the file is no error.
@Suite("The file of seen snapshots", .timeLimit(.minutes(30)))
struct SeenMemoryTests {
  private let directory: TemporaryDirectory
  private let key = MasterKey.random()
  private let id: ID<Never> = SHA256.id(of: Array("repository".utf8))

  init() throws { directory = try TemporaryDirectory(prefix: "seen-test") }

  private var state: FilePath { directory.path.appending("state").appending("restic-gitfs") }
  private var path: FilePath { state.appending(id.hex).appending(SeenSnapshotsFile.name) }

  private func memory(
    in folder: FilePath? = nil, id: ID<Never>? = nil, key: MasterKey? = nil, log: LogLines = LogLines()
  ) -> SeenMemory {
    let file = SeenSnapshotsFile(in: folder ?? state, repository: id ?? self.id, masterKey: key ?? self.key)
    return SeenMemory(file, logger: log.logger)
  }

  private static func saved(_ number: Int, host: String = "h") -> SavedSnapshot {
    SeenSnapshotsTests.saved(number, host: host)
  }

  private func bytes() throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(fileURLWithPath: path.string))) }

  private func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path.string)) }

  @Test("a process knows what an earlier process has seen; the file is private, and encrypted")
  func roundTrip() async throws {
    let log = LogLines()
    #expect(await memory(log: log).current() == SeenSnapshots())
    #expect(!FileManager.default.fileExists(atPath: state.string), "whoever only looks makes nothing")
    await memory(log: log).update {
      $0.note([Self.saved(1, host: "secret-host"), Self.saved(2)])
      $0.giveUp([Self.saved(9).id])
    }
    let seen = await memory(log: log).current()
    #expect(seen.newest.map(\.id) == [Self.saved(1).id, Self.saved(2).id] && seen.givenUp == [Self.saved(9).id])
    #expect(seen.newest[1].snapshot.tree == Self.saved(2).snapshot.tree)
    let status = try SystemCall.linkStatus(path)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(try SystemCall.linkStatus(path.removingLastComponent()).st_mode & 0o777 == 0o700)
    #expect(!String(decoding: try bytes(), as: UTF8.self).contains("secret"))
    #expect(log.lines.isEmpty)
  }

  @Test("the file is not written without news")
  func noNews() async throws {
    await memory().update { $0.note([Self.saved(2)]) }
    let before = try SystemCall.linkStatus(path)
    await memory().update { $0.note([Self.saved(1), Self.saved(2)]) }
    #expect(try SystemCall.linkStatus(path).st_ino == before.st_ino)
  }

  @Test("a truncated or changed file, or one of another repository, is ignored with one warning")
  func damage() async throws {
    await memory().update { $0.note([Self.saved(1)]) }
    let whole = try bytes()
    func expectNone(_ reason: String) async {
      let log = LogLines()
      let reader = memory(log: log)
      #expect(await reader.current() == SeenSnapshots(), "\(reason)")
      #expect(await reader.current() == SeenSnapshots(), "\(reason)")
      #expect(log.lines.count == 1, "\(reason)")
    }
    for length in 0..<whole.count {
      try write(Array(whole.prefix(length)))
      await expectNone("\(length) bytes")
    }
    for index in whole.indices {
      var changed = whole
      changed[index] ^= 1
      try write(changed)
      await expectNone("byte \(index)")
    }
    // Of a copy of the repository under another id, which has the same key; and of a repository with another key.
    let other: ID<Never> = SHA256.id(of: Array("other".utf8))
    await memory(id: other).update { $0.note([Self.saved(7)]) }
    let theirs = state.appending(other.hex).appending(SeenSnapshotsFile.name)
    try write([UInt8](Data(contentsOf: URL(fileURLWithPath: theirs.string))))
    await expectNone("another repository")
    try write([])
    await memory(key: .random()).update { $0.note([Self.saved(7)]) }
    await expectNone("another key")
    // The next seen snapshot takes its place.
    await memory().update { $0.note([Self.saved(3)]) }
    #expect(await memory().current().newest.map(\.id) == [Self.saved(3).id])
  }

  @Test("the unfinished file of a killed process is removed")
  func leftovers() async throws {
    await memory().update { $0.note([Self.saved(1)]) }
    let left = path.removingLastComponent().appending("tmp-17")
    try Data("x".utf8).write(to: URL(fileURLWithPath: left.string))
    await memory().update { $0.note([Self.saved(2)]) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: left.removingLastComponent().string) == ["seen"])
  }

  @Test("the oldest files go if there are too many repositories, and nothing else does")
  func manyRepositories() async throws {
    let ids = (0...SeenSnapshotsFile.repositoryLimit + 1).map { SHA256.id(of: Array("\($0)".utf8)) as ID<Never> }
    try FileManager.default.createDirectory(
      atPath: state.appending("remote").string, withIntermediateDirectories: true)
    try Data("x".utf8).write(to: URL(fileURLWithPath: state.appending(ids[0].hex + "x").string))
    for (number, id) in ids.dropLast().enumerated() {
      let folder = state.appending(id.hex).string
      mkdir(folder, 0o700)
      var times = [
        timeval(tv_sec: 1_700_000_000 + number, tv_usec: 0), timeval(tv_sec: 1_700_000_000 + number, tv_usec: 0),
      ]
      utimes(folder, &times)
    }
    await memory(id: ids.last).update { $0.note([Self.saved(1)]) }
    let left = try FileManager.default.contentsOfDirectory(atPath: state.string)
    #expect(Set(left) == Set(ids.dropFirst(2).map(\.hex) + ["remote", ids[0].hex + "x"]))
  }

  @Test("without a place for the file a process remembers for itself, with one warning")
  func noPlace() async throws {
    let file = directory.path.appending("file")
    try Data("x".utf8).write(to: URL(fileURLWithPath: file.string))
    for folder in [file.appending("state"), FilePath("/proc/none")] {
      let log = LogLines()
      let memory = memory(in: folder, log: log)
      await memory.update { $0.note([Self.saved(1)]) }
      await memory.update { $0.note([Self.saved(2)]) }
      #expect(await memory.current().newest.map(\.id) == [Self.saved(2).id])
      #expect(log.lines.count == 1)
    }
    let nowhere = SeenMemory(nil, logger: LogLines().logger)
    await nowhere.update { $0.note([Self.saved(1)]) }
    #expect(await nowhere.current().newest.count == 1)
  }

  @Test("simultaneous writers do not undo each other's notes")
  func writers() async throws {
    let log = LogLines()
    try await withTimeLimit {
      await withTaskGroup(of: Void.self) { group in
        for writer in 0..<8 {
          group.addTask {
            let memory = self.memory(log: log)
            for number in 0..<10 {
              await memory.update { $0.note([Self.saved(writer * 10 + number, host: "h\(writer)")]) }
              await memory.update { $0.note([Self.saved(1000 + number, host: "same")]) }
            }
          }
        }
      }
      let seen = await self.memory().current()
      #expect(Set(seen.newest.map(\.id)) == Set((0..<8).map { Self.saved($0 * 10 + 9).id } + [Self.saved(1009).id]))
      #expect(log.lines.isEmpty)
    }
  }
}
