import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

// K4 Snapshots that were read once are not read again.
@Suite("The record of snapshots", .timeLimit(.minutes(30)))
struct SnapshotRecordTests {
  private let test: CacheTestFolder
  private let memory = MemoryBackend()

  init() throws { test = try CacheTestFolder() }

  /// A repository with `count` snapshots, of which the record knows nothing.
  private func create(_ count: Int) async throws -> [SavedSnapshot] {
    let repository = try await TestRepository.create(on: memory)
    let tree = try await root(of: repository)
    var saved: [SavedSnapshot] = []
    for number in 0..<count { saved.append(try await save(repository, tree, number)) }
    return saved
  }

  private func root(of repository: Repository) async throws -> DurableTree {
    let uploader = repository.makeUploader()
    return try await uploader.finish(root: try await uploader.add(folder: [:]))
  }

  @discardableResult
  private func save(_ repository: Repository, _ tree: DurableTree, _ number: Int) async throws -> SavedSnapshot {
    let snapshot = Snapshot(
      time: Timestamp(seconds: 1_700_000_000 + Int64(number), nanoseconds: 7), tree: tree.id,
      paths: ["/secret-path"], hostname: "secret-host", tags: ["secret-tag"],
      unknownFields: [UnknownField(key: "x", rawValue: Array("[\(number)]".utf8))])
    let saved = try await repository.saveSnapshot(snapshot, of: tree)
    // The record is written at the same time as the save.
    await repository.finishCaching()
    return saved
  }

  /// The repository, opened again with its record, and its requests to the storage.
  private func open() async throws -> (repository: Repository, calls: FaultBackend) {
    let calls = FaultBackend(memory)
    return (try await TestRepository.open(calls, settings: test.settings(keepsFiles: false)), calls)
  }

  /// How many snapshot files are read to list them all, and the list.
  private func list() async throws -> (snapshots: [SavedSnapshot], reads: Int) {
    let (repository, calls) = try await open()
    return (try await repository.snapshots(), reads(calls))
  }

  private func reads(_ calls: FaultBackend) -> Int {
    calls.calls.count { $0.operation == .load && $0.type == .snapshot }
  }

  private func path() async throws -> FilePath {
    test.folder(of: try await open().repository).appending(SnapshotRecordFile.name)
  }

  @Test("each snapshot is read once, by the first process, and found in the record with all its members")
  func once() async throws {
    let saved = try await create(50)
    #expect(try await list() == (saved, 50))
    #expect(try await list() == (saved, 0))
    // Nothing else is kept of a storage that is at hand.
    let folder = try await path().removingLastComponent()
    let found = try #require(FileManager.default.subpaths(atPath: folder.string))
    #expect(Set(found) == ["version", "data", "index", "snapshots", SnapshotRecordFile.name])
  }

  @Test("a process finds another process's new snapshot without a read, even if it started before the save")
  func saved() async throws {
    _ = try await create(3)
    let (first, _) = try await open()
    let (second, calls) = try await open()
    _ = try await first.snapshots()
    _ = try await second.snapshots()
    let before = reads(calls)
    let tree = try await root(of: first)
    for number in 10..<15 { try await save(first, tree, number) }
    #expect(try await second.snapshots().count == 8)
    #expect(reads(calls) == before)
    #expect(try await list().reads == 0)
  }

  @Test("the first snapshot of a new repository is in the record, too")
  func firstOne() async throws {
    let repository = try await TestRepository.create(on: memory, settings: test.settings(keepsFiles: false))
    _ = try await repository.snapshots()
    try await save(repository, try await root(of: repository), 1)
    #expect(try await list().reads == 0)
  }

  @Test("a commit appends its snapshot and writes nothing else, however many snapshots there are")
  func growth() async throws {
    _ = try await create(600)
    let (repository, _) = try await open()
    _ = try await repository.snapshots()
    let (tree, path) = (try await root(of: repository), try await path())
    var status = try CacheTestFolder.status(path)
    for number in 1000..<1400 {
      try await save(repository, tree, number)
      _ = try await repository.snapshotList()
      let next = try CacheTestFolder.status(path)
      #expect(next.st_ino == status.st_ino && (1...1000).contains(next.st_size - status.st_size))
      status = next
    }
    // A reader of so many small frames merges them.
    for isFirst in [true, false] {
      #expect(try await list().reads == 0)
      let next = try CacheTestFolder.status(path)
      #expect((next.st_ino != status.st_ino) == isFirst)
      status = next
    }
  }

  @Test("forgotten snapshots are not shown, and are removed from the record in time")
  func forgotten() async throws {
    let saved = try await create(700)
    _ = try await list()
    let path = try await path()
    let before = try CacheTestFolder.status(path).st_size
    for gone in saved.dropFirst(20) { memory[.snapshot(gone.id)] = nil }
    #expect(try await list() == (Array(saved.prefix(20)), 0))
    let (repository, _) = try await open()
    _ = try await repository.snapshots()
    try await save(repository, try await root(of: repository), 1000)
    let (other, _) = try await open()
    let tree = try await root(of: other)
    try await save(other, tree, 1001)
    memory[.snapshot(saved[0].id)] = nil
    try await readOne()
    #expect(try CacheTestFolder.status(path).st_size < before / 10)
    #expect(try await list().reads == 0)
  }

  /// Makes a client read a snapshot that is not in the record.
  private func readOne() async throws {
    let plain = try await TestRepository.open(memory)
    try await save(plain, try await root(of: plain), 5000)
    _ = try await list()
  }

  @Test("the record reveals no member of a snapshot and no key")
  func secrecy() async throws {
    _ = try await create(20)
    _ = try await list()
    let (repository, _) = try await open()
    let content = try CacheTestFolder.bytes(try await path())
    let key = repository.masterKey.withRawBytes { Array($0) }
    for secret in [Array("secret".utf8), Array("time".utf8), Array(key[..<32]), Array(key[32...])] {
      #expect(content.firstRange(of: secret) == nil)
    }
  }

  @Test("a changed record never makes the list wrong: every truncation, and bits everywhere")
  func damage() async throws {
    let saved = try await create(3)
    _ = try await list()
    // Two frames.
    try await readOne()
    let all = try await list()
    #expect(all.snapshots.count == 4 && all.reads == 0)
    let path = try await path()
    let sound = try CacheTestFolder.bytes(path)
    for count in Array(stride(from: 0, to: sound.count, by: 7)) {
      try CacheTestFolder.write(Array(sound.prefix(count)), to: path)
      #expect(try await list().snapshots == all.snapshots)
    }
    for position in Array(stride(from: 0, to: sound.count, by: 5)) {
      var bytes = sound
      bytes[position] ^= 1 << (position % 8)
      try CacheTestFolder.write(bytes, to: path)
      let found = try await list()
      #expect(found.snapshots == all.snapshots && found.reads > 0)
      // The record was written again.
      #expect(try await list().reads == 0)
    }
    #expect(saved.count == 3)
  }

  @Test("a record that was written without the key is ignored, and so is another repository's")
  func forged() async throws {
    let saved = try await create(3)
    _ = try await list()
    let path = try await path()
    let (repository, _) = try await open()
    let forged = RecordedSnapshot(
      saved: SavedSnapshot(id: saved[0].id, snapshot: saved[1].snapshot),
      byteCount: memory[.snapshot(saved[0].id)]?.count ?? 0)
    let folder = try OwnFolder(path.removingLastComponent())
    for key in [MasterKey.random(), repository.masterKey.derived(for: "another purpose")] {
      var position = SnapshotRecordFile.Position()
      try SnapshotRecordFile(masterKey: key).replace(with: [forged], in: folder, at: &position)
      #expect(try await list() == (saved, 3))
    }
    // Sealed with the repository's own key, as a snapshot file is.
    let group = RecordedSnapshot.encode([forged])[0]
    let sealed = repository.masterKey.seal(Zstd.compress(group, mode: .auto))
    let length = withUnsafeBytes(of: UInt32(sealed.count).littleEndian) { Array($0) }
    try CacheTestFolder.write(Array("restic-gitfs snapshots 1\n".utf8) + length + sealed, to: path)
    #expect(try await list() == (saved, 3))
  }

  @Test("a file whose size has changed is read again, and its damage is reported")
  func otherSize() async throws {
    let saved = try await create(2)
    _ = try await list()
    memory[.snapshot(saved[1].id)] = []
    let (repository, _) = try await open()
    let found = try await repository.snapshotList()
    #expect(found.snapshots == [saved[0]] && found.damaged.count == 1)
  }

  @Test(
    "a link, a fifo or a folder in place of the record is ignored",
    arguments: [CacheTestFolder.Replacement.link, .danglingLink, .fifo, .folder, .foreign, .empty])
  func replaced(by replacement: CacheTestFolder.Replacement) async throws {
    let saved = try await create(2)
    _ = try await list()
    guard try replacement.put(at: try await path()) else { return }
    #expect(try await list() == (saved, 2))
  }

  @Test("an absurd length in the record takes no memory")
  func absurdLength() async throws {
    let saved = try await create(2)
    _ = try await list()
    let path = try await path()
    try CacheTestFolder.write(
      Array("restic-gitfs snapshots 1\n".utf8) + [0xff, 0xff, 0xff, 0xff] + [1, 2, 3], to: path)
    #expect(try await list() == (saved, 2))
    #expect(truncate(path.string, 1 << 40) == 0)
    #expect(try await list() == (saved, 2))
  }

  @Test("the record has the snapshots of two processes that save at the same time")
  func together() async throws {
    _ = try await create(2)
    let (first, _) = try await open()
    let (second, _) = try await open()
    let tree = try await root(of: first)
    try await withThrowingTaskGroup { group in
      for (number, repository) in [first, second].enumerated() {
        group.addTask {
          for round in 0..<50 {
            try await save(repository, tree, 100 * (number + 1) + round)
            _ = try await repository.snapshotList()
          }
        }
      }
      try await group.waitForAll()
    }
    _ = try await list()
    let found = try await list()
    #expect(found.snapshots.count == 102 && found.reads == 0)
  }

  @Test("a snapshot with too many names for the record is read each time")
  func largeSnapshot() async throws {
    let repository = try await TestRepository.create(on: memory)
    let tree = try await root(of: repository)
    let paths = (0..<5000).map { "/a/path/of/some/length/\($0)" }
    try await repository.saveSnapshot(Snapshot(time: .now(), tree: tree.id, paths: paths), of: tree)
    for _ in 0..<2 {
      let found = try await list()
      #expect(found.snapshots.first?.snapshot.paths == paths && found.reads == 1)
    }
  }

  @Test("a truncated entry, and a count beyond the end, are errors")
  func decoding() throws {
    let snapshot = Snapshot(time: .now(), tree: BlobID(words: (1, 2, 3, 4)), paths: ["/a"])
    let entries = (0..<3).map {
      RecordedSnapshot(saved: SavedSnapshot(id: SnapshotID(words: ($0, 0, 0, 0)), snapshot: snapshot), byteCount: 300)
    }
    let group = RecordedSnapshot.encode(entries)[0]
    #expect(try RecordedSnapshot.decode(group) == entries)
    let boundary = group.count / 3
    for count in 0..<group.count where count % boundary != 0 {
      #expect(throws: FormatError.self) { try RecordedSnapshot.decode(Array(group.prefix(count))) }
    }
    for position in 0..<group.count {
      var bytes = group
      bytes[position] = 0xff
      // Whatever comes of it.
      _ = try? RecordedSnapshot.decode(bytes)
    }
  }
}
