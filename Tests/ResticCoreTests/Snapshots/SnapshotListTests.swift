import ResticTestSupport
import Testing

@testable import ResticCore

// R13 A snapshot file that cannot be read is named in a warning and passed over, unless it may be the newest one that matches.
@Suite("Damaged snapshot files")
struct SnapshotListTests {
  private let backend = MemoryBackend()
  private let everything = SnapshotFilter()
  /// A file with other content than its name says is loaded twice, and so once more to see whether it is as it was stored.
  private static let loadsOfDamage = 4

  /// Saves a snapshot of an empty folder.
  private func save(
    _ repository: Repository, seconds: Int64, _ change: (inout Snapshot) -> Void = { _ in }
  ) async throws -> SavedSnapshot {
    let uploader = repository.makeUploader()
    let tree = try await uploader.finish(root: try await uploader.add(folder: [:]))
    var snapshot = Snapshot(
      time: Timestamp(seconds: 1_700_000_000 + seconds, nanoseconds: 0), tree: tree.id, paths: ["/test"],
      hostname: "here")
    change(&snapshot)
    return try await repository.saveSnapshot(snapshot, of: tree)
  }

  /// Changes a bit of a stored file.
  private func flip(_ id: SnapshotID) throws {
    let file = BackendFile.snapshot(id)
    var bytes = try #require(backend[file])
    bytes[bytes.count / 2] ^= 1
    backend[file] = bytes
  }

  private func file(_ digit: String) throws -> BackendFile {
    try #require(BackendFile(type: .snapshot, name: String(repeating: digit, count: 64)))
  }

  @Test("files that cannot be snapshots are skipped: empty, truncated, too large, or not authentic")
  func neverSnapshots() async throws {
    let repository = try await TestRepository.create(on: backend)
    let saved = try await save(repository, seconds: 1)
    backend[try file("a")] = []
    backend[try file("b")] = [UInt8](repeating: 7, count: MasterKey.overhead - 1)
    backend[try file("c")] = [UInt8](repeating: 0, count: BackendFileType.snapshot.byteLimit + 1)
    for foreign in [TestRepository.noise(400, seed: 1), MasterKey.random().seal(saved.snapshot.encode())] {
      backend[.snapshot(SHA256.id(of: foreign))] = foreign
    }
    let reader = try await TestRepository.open(backend)
    let list = try await reader.snapshotList()
    #expect(list.snapshots == [saved] && list.damaged.count == 5)
    #expect(list.damaged.allSatisfy { $0.message.contains($0.file.name) })
    #expect(list.damaged.count { $0.message.contains("the file holds no snapshot: remove it") } == 3)
    #expect(try list.newest { _ in true } == saved)
    #expect(try await reader.latestSnapshot(matching: everything) == saved)
  }

  @Test("a damaged file that may be the newest is an error that names the file; readable snapshots are still there")
  func mayBeNewest() async throws {
    let repository = try await TestRepository.create(on: backend)
    let saved = try await save(repository, seconds: 1)
    let sound = backend.files
    let newest = try await save(repository, seconds: 2) { $0.parent = saved.id }
    let stranger = repository.unpacked.masterKey.seal(Array(#"{"from":"a version to come"}"#.utf8))
    let undecodable = SHA256.id(of: stranger, as: SnapshotID.self)
    try flip(newest.id)
    for (id, content) in [(newest.id, backend[.snapshot(newest.id)]), (undecodable, stranger)] {
      let copy = MemoryBackend(files: sound)
      copy[.snapshot(id)] = content
      let reader = try await TestRepository.open(copy)
      let error = await #expect(throws: RepositoryError.self) { try await reader.latestSnapshot(matching: everything) }
      let message = "\(try #require(error))"
      #expect(message.contains(id.hex) && message.contains("it may be the newest snapshot"))
      #expect(try await reader.snapshots() == [saved])
      #expect(try await reader.snapshot(withPrefix: saved.id.hex) == saved)
      await #expect(throws: RepositoryError.self) { try await reader.snapshot(withPrefix: id.hex) }
    }
  }

  @Test("a damaged file is skipped if a matching snapshot names it as its parent or original")
  func builtUpon() async throws {
    let links: [@Sendable (inout Snapshot, SnapshotID) -> Void] = [
      { $0.parent = $1 }, { $0.original = $1 }, { $0.mergedParents = [$1] },
    ]
    let repository = try await TestRepository.create(on: backend)
    let sound = backend.files
    for link in links {
      for file in backend.files.keys where sound[file] == nil { backend[file] = nil }
      let old = try await save(repository, seconds: 1)
      let newest = try await save(repository, seconds: 2) { link(&$0, old.id) }
      try flip(old.id)
      let reader = try await TestRepository.open(backend)
      #expect(try await reader.latestSnapshot(matching: everything) == newest)
      // The snapshot that builds upon the damaged file was not requested: the damaged one may match.
      await #expect(throws: RepositoryError.self) {
        try await reader.latestSnapshot(matching: SnapshotFilter(hosts: ["elsewhere"]))
      }
    }
  }

  @Test("a damaged file is skipped if any snapshot builds upon it, unless only later ones than requested do")
  func builtUponByOthers() async throws {
    let repository = try await TestRepository.create(on: backend)
    let ours = try await save(repository, seconds: 1)
    let old = try await save(repository, seconds: 2) { $0.hostname = "elsewhere" }
    let child = try await save(repository, seconds: 3) {
      $0.hostname = "elsewhere"
      $0.parent = old.id
    }
    try flip(old.id)
    let here = SnapshotFilter(hosts: ["here"])
    let early = try await TestRepository.open(backend)
    let error = await #expect(throws: RepositoryError.self) { try await early.latestSnapshot(matching: here) }
    #expect(error?.description.contains(old.id.hex) == true)
    #expect(try await early.latestSnapshot(matching: everything) == child)

    let newest = try await save(repository, seconds: 3) { $0.parent = ours.id }
    let late = try await TestRepository.open(backend)
    #expect(try await late.latestSnapshot(matching: here) == newest)
    #expect(try await late.snapshotList().passedOver.map(\.file) == [.snapshot(old.id)])
    // Where no readable snapshot matches, the damaged one may be the newest that does.
    await #expect(throws: RepositoryError.self) {
      try await late.latestSnapshot(matching: SnapshotFilter(hosts: ["nowhere"]))
    }
  }

  @Test("each damaged file causes one warning and one read, until its size changes or a caller wants to be sure")
  func once() async throws {
    let repository = try await TestRepository.create(on: backend)
    let saved = try await save(repository, seconds: 1)
    let other = try await save(repository, seconds: 2)
    let sound = try #require(backend[.snapshot(other.id)])
    try flip(other.id)
    backend[try file("a")] = []
    let log = LogLines()
    var settings = TestRepository.settings()
    settings.logger = log.logger
    let counted = FaultBackend(backend)
    let reader = try await TestRepository.open(counted, settings: settings)
    func loads() -> Int { counted.calls.count { $0.operation == .load && $0.file == .snapshot(other.id) } }
    for _ in 0..<5 {
      #expect(try await reader.snapshotList().damaged.count == 2)
      _ = try await reader.snapshots()
    }
    #expect(loads() == Self.loadsOfDamage && log.lines.count == 2)
    #expect(log.lines.count { $0.contains(other.id.hex) } == 1)

    backend[.snapshot(other.id)]?.append(0)
    for _ in 0..<5 { _ = try await reader.snapshots() }
    #expect(loads() == 2 * Self.loadsOfDamage && log.lines.count == 3)

    backend[.snapshot(other.id)] = TestRepository.noise(sound.count + 1, seed: 2)
    _ = try await reader.snapshotList(rereadsDamaged: true)
    #expect(loads() == 3 * Self.loadsOfDamage)
    backend[.snapshot(other.id)] = sound
    #expect(try await reader.snapshots().map(\.id) == [saved.id, other.id])
    backend[try file("a")] = nil
    #expect(try await reader.snapshotList().damaged.isEmpty)
  }

  @Test("a snapshot that was read stays known, whatever happens to its file")
  func cached() async throws {
    let repository = try await TestRepository.create(on: backend)
    let saved = try await save(repository, seconds: 1)
    backend[.snapshot(saved.id)] = []
    #expect(try await repository.latestSnapshot(matching: everything) == saved)
  }
}
