import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Snapshots of a repository")
struct RepositorySnapshotTests {
  @Test("snapshots are sorted by time; the latest matching one is found, and nil if there is none")
  func latest() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    let times: [Int64] = [30, 10, 20]
    for seconds in times { try await repository.commit(["a": [UInt8(seconds)]], seconds: seconds) }
    let reader = try await TestRepository.open(backend)
    let snapshots = try await reader.snapshots()
    #expect(snapshots.map(\.snapshot.time.seconds) == [1_700_000_010, 1_700_000_020, 1_700_000_030])
    let latest = try #require(try await reader.latestSnapshot(matching: SnapshotFilter()))
    #expect(try await reader.files(of: latest) == ["a": [30]])
    #expect(try await reader.latestSnapshot(matching: SnapshotFilter(hosts: ["elsewhere"])) == nil)
  }

  @Test("a snapshot is read once, and not cached after it was forgotten")
  func cache() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    let first = try await repository.commit(["a": [1]], seconds: 1)
    let second = try await repository.commit(["a": [2]], seconds: 2)
    let counted = FaultBackend(backend)
    let reader = try await TestRepository.open(counted)
    for _ in 0..<3 { #expect(try await reader.snapshots().map(\.id) == [first.id, second.id]) }
    #expect(counted.calls.count { $0.operation == .load && $0.type == .snapshot } == 2)
    backend[.snapshot(second.id)] = nil
    #expect(try await reader.snapshots().map(\.id) == [first.id])
    #expect(try await reader.latestSnapshot(matching: SnapshotFilter())?.id == first.id)
  }

  @Test("an id may be shortened while it is unambiguous")
  func prefix() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    var ids: [SnapshotID] = []
    for number in 0..<20 { ids.append(try await repository.commit([:], seconds: Int64(number)).id) }
    for id in ids {
      #expect(try await repository.snapshot(withPrefix: id.hex).id == id)
      #expect(try await repository.snapshot(withPrefix: id.short).id == id)
    }
    let digits = Dictionary(grouping: ids) { $0.hex.prefix(1) }
    let shared = try #require(digits.first { $0.value.count > 1 }?.key)
    for prefix in [String(shared), "", "xyz", ids[0].hex + "0"] {
      let error = await #expect(throws: RepositoryError.self) { try await repository.snapshot(withPrefix: prefix) }
      guard case .noSnapshot = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test("a damaged snapshot is an error that names it")
  func damage() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    let saved = try await repository.commit(["a": [1]])
    let file = BackendFile.snapshot(saved.id)
    let sound = try #require(backend[file])
    for damaged in Damage.all(of: sound) {
      backend[file] = damaged
      let reader = try await TestRepository.open(backend)
      let error = await #expect(throws: RepositoryError.self) { try await reader.snapshot(saved.id) }
      #expect("\(try #require(error))".contains(saved.id.hex))
      #expect(try await reader.snapshots().isEmpty)
      if damaged.count >= MasterKey.overhead {
        await #expect(throws: RepositoryError.self) { try await reader.latestSnapshot(matching: SnapshotFilter()) }
      } else {
        #expect(try await reader.latestSnapshot(matching: SnapshotFilter()) == nil)
      }
    }
  }

  @Test("saving the same snapshot twice makes two files")
  func freshFiles() async throws {
    let repository = try await TestRepository.create()
    let first = try await repository.commit(["a": [1]])
    let second = try await repository.commit(["a": [1]])
    #expect(first.id != second.id)
    #expect(first.snapshot == second.snapshot)
  }
}
