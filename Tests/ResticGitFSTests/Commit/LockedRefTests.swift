import FuseBridge
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("A refresh while git changes refs")
struct LockedRefTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static let (old, theirs, ours) = (value("1"), value("2"), value("3"))

  private static func value(_ digit: Character) -> [UInt8] { text(String(repeating: digit, count: 40) + "\n") }

  /// A mount that shows a bare repository whose `main` is `old`. Another mount has saved `theirs` since.
  private static func staleMount() async throws -> (mount: TestMount, backend: MemoryBackend) {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    for path in ["HEAD", "objects/info/x"] { try await writer.write(text("ref: refs/heads/main\n"), to: path) }
    try await writer.write(old, to: "refs/heads/main")
    _ = try await writer.coordinator.commit(.sync)
    let mount = try await TestMount(TestMount.openRepository(on: backend))
    _ = try await mount.read("refs/heads/main")
    try await writer.write(theirs, to: "refs/heads/main")
    _ = try await writer.coordinator.commit(.sync)
    return (mount, backend)
  }

  @Test(
    "a refresh replaces nothing while git has a ref locked: git has seen the old value, and would overwrite the new one"
  )
  func lockedRef() async throws {
    let (mount, backend) = try await Self.staleMount()
    try await mount.write(Self.ours, to: "refs/heads/main.lock")
    // A commit does not wait for git; files in flight are in no snapshot.
    #expect(try await !mount.coordinator.commit(.sync).isConflict)
    #expect(try await mount.coordinator.refresh() == false)
    #expect(try await mount.read("refs/heads/main") == Self.old)
    try await mount.onThread { mount in
      let file = mount.fileSystem
      let refs = try file.lookup(Array("refs".utf8), in: 1, caller: TestMount.caller).inode
      let heads = try file.lookup(Array("heads".utf8), in: refs, caller: TestMount.caller).inode
      try file.rename(Array("main.lock".utf8), in: heads, to: Array("main".utf8), in: heads, mode: .replace)
    }
    #expect(try await mount.coordinator.commit(.sync).isConflict)
    let reader = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await reader.read("refs/heads/main") == Self.theirs)
    #expect(try await mount.read("refs/heads/main") == Self.theirs)
  }

  @Test(
    "git cannot take a lock between a refresh and the kernel's invalidation: git might compare with the old value")
  func unannounced() async throws {
    let (mount, backend) = try await Self.staleMount()
    let newest = try #require(
      try await TestMount.openRepository(on: backend).latestSnapshot(matching: SnapshotFilter()))
    try await mount.repository.loadIndex()
    #expect(
      try await Refresher(tree: mount.tree, repository: mount.repository).refresh(to: newest.snapshot.tree) != nil)
    await #expect(throws: Errno.fileExists) { try await mount.write([], to: "refs/heads/main.lock") }
    try await mount.write([], to: "objects/new")
    mount.tree.bookkeep { $0.announceRefresh() }
    try await mount.write([], to: "refs/heads/main.lock")
  }
}
