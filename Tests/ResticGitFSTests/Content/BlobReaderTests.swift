import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("Reading content", .timeLimit(.minutes(30)))
struct BlobReaderTests {
  /// A stored file of about 27 blobs, opened by another process that counts its requests to the storage.
  private struct Scene {
    let storage = MemoryBackend()
    let backend: FaultBackend
    let mount: TestMount
    let bytes: [UInt8]

    init() async throws {
      var random = SplitMix64(seed: 1)
      bytes = random.bytes(40 << 20)
      let writer = try await TestMount(TestMount.makeRepository(on: storage))
      try await writer.write(bytes, to: "f")
      _ = try await writer.coordinator.commit(.sync)
      backend = FaultBackend(storage)
      mount = try await TestMount(TestMount.openRepository(on: backend))
    }

    /// The requests for packs since `body` began.
    func requests(_ body: () async throws -> Void) async throws -> Int {
      let before = backend.calls.count
      try await body()
      return backend.calls[before...].count { $0.operation == .load && $0.file?.type == .data }
    }

    /// The whole file's extents, a blob each.
    func extents() async throws -> [ExtentMap.Extent] {
      try await mount.onThread { mount in
        let inode = try mount.inode("f")
        return try mount.tree.read("test") { namespace throws(NamespaceError) in
          try namespace.extents(of: inode).extents
        }
      }
    }

    /// Reads `range` of the file.
    func read(_ range: Range<Int>) async throws {
      let inode = try await mount.onThread { mount in try mount.inode("f") }
      let read = try await mount.onThread { mount in
        try mount.fileSystem.files.bytes(of: inode, in: UInt64(range.lowerBound)..<UInt64(range.upperBound))
      }
      #expect(read.fingerprint == bytes[range].fingerprint)
    }
  }

  @Test("a sequential read takes fewer requests than there are blobs, and a second read none")
  func sequential() async throws {
    let scene = try await Scene()
    let blobCount = try await scene.extents().count
    let first = try await scene.requests {
      for start in stride(from: 0, to: scene.bytes.count, by: 128 << 10) {
        try await scene.read(start..<start + (128 << 10))
      }
    }
    #expect(first < blobCount, "\(first) requests for \(blobCount) blobs")
    let again = try await scene.requests { try await scene.read(30 << 20..<31 << 20) }
    #expect(again == 0)
  }

  @Test("a small read takes one request, for the blob that it needs")
  func random() async throws {
    let scene = try await Scene()
    var random = SplitMix64(seed: 3)
    for _ in 0..<10 {
      let start = Int.random(in: 0..<scene.bytes.count - 4096, using: &random)
      let requests = try await scene.requests { try await scene.read(start..<start + 4096) }
      #expect(requests <= 2)  // two blobs where the read crosses from one to the next
    }
  }

  @Test(
    "reading the small files of a directory one after the other takes a few requests, and shows simultaneous writes")
  func smallFiles() async throws {
    let storage = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: storage))
    for number in 100..<200 { try await writer.write(Array("content \(number)".utf8), to: "refs/\(number)") }
    _ = try await writer.coordinator.commit(.sync)
    let backend = FaultBackend(storage)
    let mount = try await TestMount(TestMount.openRepository(on: backend))
    let before = backend.calls.count
    for number in 100..<200 {
      if number == 130 { try await mount.overwrite(Array("changed".utf8), at: 0, of: "refs/131") }
      let expected = number == 131 ? "changed 131" : "content \(number)"
      #expect(try await mount.read("refs/\(number)") == Array(expected.utf8))
    }
    let requests = backend.calls[before...].count { $0.operation == .load && $0.file?.type == .data }
    #expect(requests <= 12, "\(requests) requests for 100 files")
  }

  @Test("simultaneous readers of the same bytes share the requests")
  func shared() async throws {
    let scene = try await Scene()
    let requests = try await scene.requests {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<16 { group.addTask { try await scene.read(0..<4096) } }
        try await group.waitForAll()
      }
    }
    #expect(requests == 1)
  }

  @Test("an unreachable storage is waited for once, and not once per blob")
  func away() async throws {
    let scene = try await Scene()
    let extents = try await scene.extents()
    let isAway = Switch()
    let backend = FaultBackend(scene.storage) { call in
      isAway.isOn && call.type == .data ? .nothingDone(.unavailable("away")) : nil
    }
    let reader = BlobReader(repository: try await TestMount.openRepository(on: backend), cacheByteLimit: 256 << 20)
    isAway.isOn = true
    let before = backend.callCount
    reader.prepare(extents)
    for extent in extents {
      await #expect(throws: RepositoryError.self) { try await reader.bytes(of: [extent]) }
    }
    #expect(extents.count > 10)
    #expect(backend.callCount - before <= extents.count + 6)
    isAway.isOn = false
    let first = try await reader.bytes(of: [extents[0]])
    #expect(first.fingerprint == scene.bytes[..<Int(extents[0].end)].fingerprint)
  }

  @Test("a damaged blob is an error for its readers, and its neighbours are read")
  func damaged() async throws {
    let scene = try await Scene()
    let extents = try await scene.extents()
    let packs = try await scene.storage.list(.data)
    // One byte in the middle of a pack is changed: its blob is lost.
    let file = try #require(packs.max { $0.byteCount < $1.byteCount }).file
    var damaged = try #require(scene.storage[file])
    damaged[damaged.count / 2] ^= 1
    scene.storage[file] = damaged
    let reader = BlobReader(repository: scene.mount.repository, cacheByteLimit: 256 << 20)
    reader.prepare(extents)
    var failures = 0
    for extent in extents {
      do { _ = try await reader.bytes(of: [extent]) } catch { failures += 1 }
    }
    #expect(failures == 1)
  }
}
