import Foundation
import Glibc
import Logging
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// Every rule of `Backend`, and H3 and H4, on OpenSSH's server.
@Suite("SFTPBackend on OpenSSH's server", .timeLimit(.minutes(30)))
struct SFTPServerTests {
  private let directory: TemporaryDirectory
  private let root: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    root = directory.path.appending("vault")
  }

  private var planter: BackendConformance.Planter {
    let root = root
    return { type, name in
      let folder = type == .config ? root : type == .data ? root.appending("data/ab") : root.appending(type.rawValue)
      try Data("planted".utf8).write(to: URL(fileURLWithPath: folder.appending(name).string))
    }
  }

  @Test("SFTPBackend keeps every rule of Backend without sshd")
  func plain() async throws {
    let backend = try SFTPFixture.backend(root)
    #expect(await BackendConformance(backend, plant: planter).violations() == [])
  }

  @Test("SFTPBackend keeps every rule of Backend with sshd")
  func conformance() async throws {
    let server = try await SSHServer(in: directory.path.appending("ssh"))
    let backend = try SFTPFixture.backend(
      String(server.location(root).dropFirst(5)), ["sftp.args=\(server.arguments)"])
    #expect(await BackendConformance(SFTPFixture.stack(backend), plant: planter).violations() == [])
    try await server.stop()
  }

  @Test(
    "SFTPBackend keeps every rule of Backend with servers that can do less",
    arguments: [SFTPFilter.Fault.noExtensions, .bareNames, .halfReads, .delay(.milliseconds(2))])
  func lesserServers(fault: SFTPFilter.Fault) async throws {
    let filter = try SFTPFilter(in: directory.path)
    let backend = try SFTPFixture.backend(root, ["sftp.command=\(filter.command(fault))"])
    #expect(await BackendConformance(backend, plant: planter).violations() == [])
  }

  @Test("SFTPBackend keeps every rule of Backend with a server that replaces files")
  func replacing() async throws {
    let filter = try SFTPFilter(in: directory.path)
    let backend = try SFTPFixture.backend(root, ["sftp.command=\(filter.command(.replacing))"])
    #expect(await BackendConformance(backend, plant: planter, replacesFiles: true).violations() == [])
  }

  @Test("the layout is restic's: 256 data folders, modes 0400 and 0700, readable by the group if the config is")
  func layout() async throws {
    let backend = try SFTPFixture.backend(directory.path.appending("deep/vault"))
    let root = directory.path.appending("deep/vault")
    try await backend.create()
    let pack = SFTPFixture.file(.data, [2])
    try await backend.save(.config, [1])
    try await backend.save(pack, [2])
    for folder in ["", "data", "data/00", "data/ff", "index", "keys", "locks", "snapshots"] {
      #expect(try mode(root.appending(folder)) == 0o700, "\(folder)")
    }
    #expect(try mode(root.appending("config")) == 0o400)
    #expect(try mode(root.appending("data").appending(String(pack.name.prefix(2))).appending(pack.name)) == 0o400)
    #expect(try names(root.appending("data")).count == 256)
    #expect(chmod(root.appending("config").string, 0o440) == 0)
    let other = try SFTPFixture.backend(root)
    let snapshot = SFTPFixture.file(.snapshot, [3])
    try await other.save(snapshot, [3])
    #expect(try mode(root.appending("snapshots").appending(snapshot.name)) == 0o440)
  }

  @Test("a relative path begins at the server's start folder")
  func relative() async throws {
    let command = "sh -c 'cd \(directory.path) && exec \(SSHServer.sftpServer)'"
    for path in ["some/vault", "../\(directory.path.lastComponent?.string ?? "")/other", "."] {
      let backend = try SFTPFixture.backend("nas:\(path)", ["sftp.command=\(command)"])
      try await backend.create()
      try await backend.save(.config, [1])
      #expect(try await backend.list(.config).map(\.byteCount) == [1])
    }
    #expect(try mode(directory.path.appending("some/vault/config")) == 0o400)
    #expect(try mode(directory.path.appending("other/config")) == 0o400)
    #expect(try mode(directory.path.appending("config")) == 0o400)
  }

  // H4 What a save does, and in which order.
  @Test("a save makes the file durable, and then its name, in three round trips")
  func durability() async throws {
    let filter = try SFTPFilter(in: directory.path)
    let backend = try SFTPFixture.backend(root, ["sftp.command=\(filter.command())"])
    try await backend.create()
    try await backend.save(.config, [1])
    let bytes = [UInt8](repeating: 7, count: 600_000)
    // Answers that no caller waits for come before the next answer.
    _ = try await backend.byteCount(of: .config)
    let before = filter.lines.count
    try await backend.save(SFTPFixture.file(.data, bytes), bytes)
    _ = try await backend.byteCount(of: .config)
    let lines = filter.lines.dropFirst(before).map { $0.split(separator: " ").map(String.init) }
    let asked = lines.filter { $0[0] == ">" }.map { $0[1] }
    #expect(
      asked.prefix(9) == ["open", "open", "write", "write", "write", "fsetstat", "fsync", "close", "rename"]
        && asked.dropFirst(9).first == "fsync", "\(asked)")
    // Each round begins when the one before it has been answered.
    let rename = try #require(lines.firstIndex { $0 == [">", "rename", $0.last ?? ""] })
    #expect(lines[..<rename].filter { $0[0] == "<" }.count == lines[..<rename].filter { $0[0] == ">" }.count)
    let write = try #require(lines.firstIndex { $0[1] == "write" })
    #expect(lines[..<write].filter { $0[0] == "<" }.count == 2)
  }

  @Test("a server without fsync is reported in the log once, and used")
  func notDurable() async throws {
    let filter = try SFTPFilter(in: directory.path)
    let log = LogLines(from: .info)
    let backend = try SFTPFixture.backend(root, ["sftp.command=\(filter.command(.noExtensions))"], logger: log.logger)
    try await backend.create()
    for byte: UInt8 in 0..<5 { try await backend.save(SFTPFixture.file(.index, [byte]), [byte]) }
    #expect(try await backend.list(.index).count == 5)
    #expect(try await backend.capacity() == nil)
    #expect(log.lines.filter { $0.contains("cannot make files durable") }.count == 1, "\(log.lines)")
    #expect(!filter.lines.contains { $0.contains("fsync") })
  }

  @Test("a caller that is cancelled while a connection is being made stops waiting")
  func cancelledStart() async throws {
    let file = directory.path.appending("started")
    let backend = try SFTPFixture.backend(root, ["sftp.command=sh -c 'touch \(file); sleep 1000'"])
    let waiting = Task { try await backend.list(.key) }
    try await waitUntil { FileManager.default.fileExists(atPath: file.string) }
    waiting.cancel()
    let error = try await withTimeLimit { await #expect(throws: BackendError.self) { try await waiting.value } }
    #expect(error.map { "\($0)".contains("cancelled") } == true)
  }

  @Test("every call on a missing repository throws .missing, and creates nothing")
  func missingRepository() async throws {
    let backend = try SFTPFixture.backend(root)
    let missing = backend.missing
    let pack = SFTPFixture.file(.data, [1])
    for type in BackendFileType.allCases {
      await #expect(throws: missing) { try await backend.list(type) }
    }
    await #expect(throws: missing) { try await backend.load(pack) }
    await #expect(throws: missing) { try await backend.byteCount(of: .config) }
    await #expect(throws: missing) { try await backend.save(pack, [1]) }
    await #expect(throws: missing) { try await backend.remove(pack) }
    await #expect(throws: missing) { try await backend.capacity() }
    #expect(try names(directory.path) == [])
    // The empty folder that a disk leaves.
    #expect(mkdir(root.string, 0o700) == 0)
    let error = await #expect(throws: BackendError.self) { try await backend.save(pack, [1]) }
    #expect("\(String(describing: error))".contains("holds no restic repository"))
    #expect(try names(root) == [])
  }

  @Test("folders that a copy omitted count as empty, and are created when they are needed")
  func missingFolders() async throws {
    let backend = try SFTPFixture.backend(root)
    try await backend.create()
    try await backend.save(.config, [1])
    try await expectFoldersMade(by: backend, in: root)
  }

  // R12 A file is a plain file, which no link leads to.
  @Test("a link, a fifo and a folder do not count as files, and are not opened; a link to a folder counts as a folder")
  func strangers() async throws {
    let backend = try SFTPFixture.backend(root)
    try await backend.create()
    let outside = directory.path.appending("outside")
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: outside.string))
    for type in BackendFileType.allCases {
      let file = type == .config ? .config : SFTPFixture.file(type, [4])
      let path = backend.paths.path(of: file)
      let makers: [(String, () -> Int32)] = [
        ("a symbolic link", { symlink(outside.string, path) }), ("a fifo", { mkfifo(path, 0o600) }),
        ("a folder", { mkdir(path, 0o700) }),
      ]
      for (kind, make) in makers {
        #expect(make() == 0)
        let irregular = BackendError.irregular(file, kind: kind)
        #expect(try await backend.list(type) == [])
        await #expect(throws: irregular) { try await backend.load(file) }
        await #expect(throws: irregular) { try await backend.load(file, range: 0..<1) }
        await #expect(throws: irregular) { try await backend.byteCount(of: file) }
        await #expect(throws: irregular) { try await backend.save(file, [1, 2, 3]) }
        if kind == "a folder" {
          await #expect(throws: irregular) { try await backend.remove(file) }
          #expect(rmdir(path) == 0)
        } else {
          try await backend.remove(file)
        }
      }
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: outside.string)) == Data([1, 2, 3]))

    let (moved, data) = (directory.path.appending("moved"), root.appending("data"))
    #expect(rename(data.string, moved.string) == 0 && symlink(moved.string, data.string) == 0)
    let pack = SFTPFixture.file(.data, [5])
    try await backend.save(pack, [5])
    #expect(try await backend.load(pack).array == [5])
    #expect(try await backend.list(.data).map(\.file) == [pack])
  }

  @Test("a file of a tebibyte is refused, whatever its type, and never compared byte by byte")
  func hugeFiles() async throws {
    let backend = try SFTPFixture.backend(root)
    try await backend.create()
    let byteCount = 1 << 40
    for type in BackendFileType.allCases {
      let file = type == .config ? .config : SFTPFixture.file(type, [6])
      let path = backend.paths.path(of: file)
      try Data().write(to: URL(fileURLWithPath: path))
      try #require(truncate(path, byteCount) == 0)
      await #expect(throws: BackendError.tooLarge(file, byteCount: byteCount)) { try await backend.load(file) }
      #expect(try await backend.load(file, range: byteCount - 2..<byteCount).array == [0, 0])
      await #expect(throws: BackendError.truncated(file)) { try await backend.load(file, range: 5..<byteCount + 1) }
      await #expect(throws: BackendError.alreadyExists(file)) { try await backend.save(file, [0, 0, 0]) }
      try await backend.remove(file)
    }
  }

  @Test("a file that another client has replaced or removed is seen in its new state, whatever is cached")
  func changedByOthers() async throws {
    let (ours, theirs) = (try SFTPFixture.backend(root), try SFTPFixture.backend(root))
    try await ours.create()
    let file = SFTPFixture.file(.index, [1])
    for bytes in [[UInt8](repeating: 1, count: 1000), [2, 2], [UInt8](repeating: 3, count: 100_000)] {
      try await theirs.save(file, bytes)
      #expect(try await ours.load(file).array == bytes)
      #expect(try await ours.load(file, range: 1..<bytes.count).array == Array(bytes.dropFirst()))
      #expect(try await ours.byteCount(of: file) == bytes.count)
      try await theirs.remove(file)
      await #expect(throws: BackendError.notFound(file)) { try await ours.load(file) }
    }
    await #expect(throws: BackendError.notFound(file)) { try await ours.byteCount(of: file) }
  }

  @Test("large files arrive complete in both directions, many at the same time", arguments: [false, true])
  func large(isLimited: Bool) async throws {
    let backend = try SFTPFixture.backend(root) {
      if isLimited { ($0.uploadLimit, $0.downloadLimit) = (200 << 20, 200 << 20) }
    }
    try await backend.create()
    var random = SplitMix64(seed: 5)
    let contents = [16 << 20, 5_000_001, 261_120, 261_121, 32768, 32769, 1, 0].map { random.bytes($0) }
    let loaded = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
      for (index, bytes) in contents.enumerated() {
        group.addTask {
          let file = SFTPFixture.file(.data, bytes)
          try await backend.save(file, bytes)
          let middle = bytes.count / 3..<bytes.count
          #expect(try await backend.load(file, range: middle).array.fingerprint == Array(bytes[middle]).fingerprint)
          return (index, try await backend.load(file).array)
        }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for (index, bytes) in contents.enumerated() {
      #expect(loaded[index]?.fingerprint == bytes.fingerprint, "\(bytes.count) bytes")
    }
  }

  @Test("listings count as immediate only if an option says so")
  func immediateListings() async throws {
    let plain = try SFTPFixture.backend(root)
    #expect(await !plain.listingsAreImmediate(of: .lock))
    let told = try SFTPFixture.backend("nas:x", ["sftp.immediate-listings=true"])
    #expect(await told.listingsAreImmediate(of: .lock))
  }

  private func mode(_ path: FilePath) throws -> mode_t {
    var status = stat()
    try #require(lstat(path.string, &status) == 0, "\(path)")
    return status.st_mode & 0o7777
  }

  private func names(_ path: FilePath) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path.string)
  }
}
