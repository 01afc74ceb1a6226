import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("The reads of an opening before the key is known")
struct OpeningReadsTests {
  private let memory = MemoryBackend(isDistant: true)
  /// However slow the machine is, nothing that was read is too old.
  private static let longEnough = Duration.seconds(3600)

  /// A repository with two snapshots.
  private func makeRepository() async throws -> [SavedSnapshot] {
    let repository = try await TestRepository.create(on: memory)
    let first = try await repository.commit(["a": [1]])
    let second = try await repository.commit(["a": [2]], seconds: 1)
    return [first, second]
  }

  private func open(_ backend: any Backend, _ reads: OpeningReads) async throws -> Repository {
    try await Repository.open(
      on: backend, password: TestRepository.password, settings: TestRepository.settings(), reads: reads)
  }

  @Test("everything that a mount needs first is requested before any answer, and once")
  func once() async throws {
    let saved = try await makeRepository()
    let counted = FaultBackend(memory)
    let reads = OpeningReads(of: counted, .everything, lifetime: Self.longEnough)
    let repository = try await open(counted, reads)
    #expect(try await repository.snapshots().map(\.id) == saved.map(\.id))
    let tree = try await repository.loadIndex(with: saved[1].snapshot.tree)
    #expect(tree?.nodes.map(\.name) == ["a"])
    for file in memory.files.keys where file.type != .data {
      #expect(counted.calls.count { $0.operation == .load && $0.file == file } == 1, "\(file)")
    }
    // The lists that count are repeated, that of index files once the snapshots are known.
    let lists = counted.calls.filter { $0.operation == .list }.map(\.type)
    #expect(lists.count { $0 == .index } == 2 && lists.count { $0 == .snapshot } == 2)
  }

  @Test("a wrong password costs no further request, and the next try uses the same reads")
  func wrongPassword() async throws {
    _ = try await makeRepository()
    let counted = FaultBackend(memory)
    let reads = OpeningReads(of: counted, .keys, lifetime: Self.longEnough)
    await #expect(throws: RepositoryError.self) {
      try await Repository.open(
        on: counted, password: TestRepository.secret("wrong"), settings: TestRepository.settings(), reads: reads)
    }
    _ = try await open(counted, reads)
    #expect(counted.callCount == 3, "config, the list of keys, the key")
  }

  // C10
  @Test(
    "a snapshot that is newer than the lists is chosen: of a commit that a mount waits for, or saved while a password was typed"
  )
  func laterSnapshot() async throws {
    _ = try await makeRepository()
    let reads = OpeningReads(of: memory, .everything, lifetime: Self.longEnough)
    _ = await reads.files(of: .snapshot)
    let newest = try await TestRepository.open(memory).commit(["a": [3]], seconds: 2)
    let repository = try await open(memory, reads)
    #expect(try await repository.latestSnapshot(matching: SnapshotFilter())?.id == newest.id)
    _ = try await repository.loadIndex(with: nil)
    #expect(try await repository.files(of: newest) == ["a": [3]])
  }

  @Test("blobs that are newer than the lists are found: the index is listed again once the snapshots are known")
  func later() async throws {
    _ = try await makeRepository()
    let reads = OpeningReads(of: memory, .everything, lifetime: Self.longEnough)
    _ = await reads.files(of: .index)
    let newest = try await TestRepository.open(memory).commit(["b": [9]], seconds: 2)
    let repository = try await open(memory, reads)
    _ = try await repository.snapshots()
    _ = try await repository.loadIndex(with: nil)
    #expect(try await repository.files(of: newest) == ["b": [9]])
  }

  @Test("an index file that a prune has replaced meanwhile is forgotten")
  func replaced() async throws {
    let saved = try await makeRepository()
    let reads = OpeningReads(of: memory, .everything, lifetime: Self.longEnough)
    let early = await reads.files(of: .index)
    #expect(early.count == 2)
    for entry in early { await reads.wait(for: entry.file) }
    let other = try await TestRepository.open(memory)
    for entry in early {
      let packs = try IndexFile.decode(try await other.unpacked.load(entry.file)).packs
      // Sealed anew it has another name.
      _ = try await other.save(IndexFile(packs: packs, supersedes: []))
      memory[entry.file] = nil
    }
    let repository = try await open(memory, reads)
    _ = try await repository.loadIndex(with: saved[1].snapshot.tree)
    let files = repository.directory.withLock { $0.index.files }
    #expect(files.isDisjoint(with: early.compactMap { IndexID(hex: $0.file.name) }) && files.count == 2)
    #expect(try await repository.files(of: saved[1]) == ["a": [2]])
  }

  @Test("a file with a wrong hash, or a wrong length, is read again")
  func unusable() async throws {
    let saved = try await makeRepository()
    let fault = Locked(true)
    let backend = ChangingBackend(base: memory) { file, bytes in
      guard [.index, .snapshot, .key].contains(file.type), fault.withLock({ $0 }) else { return bytes }
      return file.type == .index ? bytes + [0] : bytes.reversed()
    }
    let reads = OpeningReads(of: backend, .everything, lifetime: Self.longEnough)
    _ = await reads.files(of: .index)
    _ = await reads.files(of: .snapshot)
    for file in memory.files.keys where file.type != .data { await reads.wait(for: file) }
    fault.withLock { $0 = false }
    let repository = try await open(backend, reads)
    #expect(try await repository.snapshots().map(\.id) == saved.map(\.id))
    _ = try await repository.loadIndex(with: saved[1].snapshot.tree)
    #expect(try await repository.files(of: saved[1]) == ["a": [2]])
  }

  @Test("no more than the limit of unauthenticated bytes is kept, whatever the lists say")
  func bound() async throws {
    _ = try await makeRepository()
    for number in 0..<20 { memory[.index(SHA256.id(of: [UInt8(number)]))] = [UInt8](repeating: 1, count: 1 << 20) }
    for number in 0..<100 { memory[.lock(SHA256.id(of: [UInt8(number)]))] = [1] }
    let counted = FaultBackend(memory)
    let reads = OpeningReads(of: counted, .everything, lifetime: Self.longEnough)
    let kept = await reads.files(of: .index)
    #expect(kept.reduce(0) { $0 + $1.byteCount } <= 8 << 20)
    #expect(await reads.files(of: .lock).isEmpty, "more than anybody needs")
    _ = await reads.files(of: .snapshot)
    for entry in kept { await reads.wait(for: entry.file) }
    let loads = counted.calls.filter { $0.operation == .load && $0.type == .index }
    #expect(loads.count == kept.count)
  }
}

/// Changes loaded bytes on their way.
private struct ChangingBackend: BackendWrapper {
  let base: any Backend
  let change: @Sendable (BackendFile, [UInt8]) -> [UInt8]

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    PooledBytes(copying: change(file, try await base.load(file, range: range).array))
  }
}
