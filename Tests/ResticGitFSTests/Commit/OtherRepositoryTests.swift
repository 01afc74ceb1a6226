import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

// R10 The repository is the one that was opened.
@Suite("A mount whose repository is replaced by another")
struct OtherRepositoryTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static func put(_ files: [BackendFile: [UInt8]], into backend: MemoryBackend) {
    for file in backend.files.keys where files[file] == nil { backend[file] = nil }
    for (file, bytes) in files { backend[file] = bytes }
  }

  @Test(
    "a commit writes nothing to the other repository and fails with a message that names both; it succeeds when the mounted one is back",
    arguments: [true, false], [true, false])
  func commit(isEmpty: Bool, isLarge: Bool) async throws {
    let other = MemoryBackend()
    let theirs = try await TestMount(TestMount.makeRepository(on: other))
    if !isEmpty {
      try await theirs.write(Self.text("theirs"), to: "theirs")
      _ = try await theirs.coordinator.commit(.sync)
    }
    let backend = MemoryBackend()
    let mount = try await TestMount(TestMount.makeRepository(on: backend))
    try await mount.write(Self.text("first"), to: "first")
    _ = try await mount.coordinator.commit(.sync)
    try await mount.write(Self.text("second"), to: "second")
    _ = try await mount.lockKeeper.acquire()
    let ours = backend.files
    Self.put(other.files, into: backend)

    // So much data that the mount stores it during the writes.
    if isLarge { try await mount.write([UInt8](repeating: 9, count: 20 << 20), to: "large") }
    for _ in 0..<2 {
      do {
        _ = try await mount.coordinator.commit(.sync)
        Issue.record("nothing can be saved")
      } catch RepositoryError.otherRepository(let message) {
        #expect(message.contains(mount.repository.config.id.prefix(10)) && message.contains("put repository"))
      }
      #expect(backend.files == other.files)
    }
    #expect(mount.coordinator.current.phase == .dirty)

    Self.put(ours, into: backend)
    guard case .saved(_, nil) = try await mount.coordinator.commit(.sync) else {
      Issue.record("ours is back")
      return
    }
    let reader = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await reader.names() == Set(["first", "second"] + (isLarge ? ["large"] : [])))
    #expect(try await backend.list(.lock).isEmpty)
  }

  @Test(
    "a look for newer snapshots reports the other repository until the mounted one is back, and shows nothing of the other"
  )
  func refresh() async throws {
    let other = MemoryBackend()
    _ = try await TestMount(TestMount.makeRepository(on: other))
    let backend = MemoryBackend()
    let mount = try await TestMount(TestMount.makeRepository(on: backend))
    try await mount.write(Self.text("first"), to: "first")
    _ = try await mount.coordinator.commit(.sync)
    let ours = backend.files
    Self.put(other.files, into: backend)
    await #expect(throws: RepositoryError.self) { try await mount.coordinator.refresh() }
    let failure = try #require(mount.coordinator.current.refreshError)
    let told = MountStatus.RefreshError(failure.error, location: "/vault", at: failure.time)
    #expect(told.message.contains(mount.repository.config.id.prefix(10)))
    #expect(try await mount.names() == ["first"])
    // Nothing is to be saved: that is no failure, and says nothing new.
    #expect(try await mount.coordinator.commit(.sync) == .unchanged(mount.coordinator.current.base.shown.snapshot?.id))
    #expect(mount.coordinator.current.refreshError != nil)

    Self.put(ours, into: backend)
    #expect(try await !mount.coordinator.refresh())
    #expect(mount.coordinator.current.refreshError == nil)
  }
}
