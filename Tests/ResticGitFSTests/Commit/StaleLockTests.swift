import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

/// C4 git's unfinished files in an older snapshot are neither in a mount nor in its next snapshot.
@Suite("git's lock files in an older snapshot")
struct StaleLockTests {
  private static let locks = ["objects/maintenance.lock", "refs/heads/main.lock", "objects/pack/tmp_pack_AbCdEf"]

  /// A snapshot of a bare repository with stale locks, as backups and older versions of this program made them.
  private static func staleSnapshot() async throws -> (writer: TestMount, backend: MemoryBackend) {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    for path in locks + ["objects/info/x", "refs/heads/main", "hooks/x.lock"] {
      try await writer.write(Array(path.utf8), to: path)
    }
    _ = try await writer.coordinator.commit(.sync)
    // Now the tree is a git repository, and the folders of the locks are unchanged.
    try await writer.write(Array("ref: refs/heads/main\n".utf8), to: "HEAD")
    _ = try await writer.coordinator.commit(.sync)
    return (writer, backend)
  }

  /// All files of the newest snapshot.
  private static func files(_ backend: MemoryBackend) async throws -> Set<String> {
    let repository = try await TestMount.openRepository(on: backend)
    let newest = try #require(try await repository.latestSnapshot(matching: SnapshotFilter()))
    var files: Set<String> = []
    var open = [(path: "", tree: newest.snapshot.tree)]
    while let (path, tree) = open.popLast() {
      for node in try await repository.loadTree(tree).nodes {
        if let subtree = node.subtree {
          open.append((path + "\(node.name)/", subtree))
        } else {
          files.insert(path + "\(node.name)")
        }
      }
    }
    return files
  }

  private static func expectNoLocks(in mount: TestMount) async throws {
    for path in locks { await #expect(throws: Errno.noSuchFileOrDirectory) { try await mount.read(path) } }
    #expect(try await mount.read("hooks/x.lock") == Array("hooks/x.lock".utf8))
    #expect(try await mount.read("refs/heads/main") == Array("refs/heads/main".utf8))
  }

  @Test("the lock files are not shown; this alone makes no snapshot, and the next snapshot lacks them")
  func dropped() async throws {
    let (_, backend) = try await Self.staleSnapshot()
    #expect(try await Self.files(backend).isSuperset(of: Self.locks))
    let mount = try await TestMount(TestMount.openRepository(on: backend))
    try await Self.expectNoLocks(in: mount)
    guard case .unchanged = try await mount.coordinator.commit(.sync) else {
      Issue.record("nothing was changed")
      return
    }
    #expect(mount.coordinator.current.phase == .clean)
    try await mount.write([1], to: "refs/tags/new")
    _ = try await mount.coordinator.commit(.sync)
    let files = try await Self.files(backend)
    #expect(files.isDisjoint(with: Self.locks))
    #expect(files.isSuperset(of: ["hooks/x.lock", "objects/info/x", "refs/heads/main", "refs/tags/new", "HEAD"]))
    // git can take the lock again.
    try await mount.write([], to: Self.locks[0])
    try await Self.expectNoLocks(in: TestMount(TestMount.openRepository(on: backend)))
  }

  @Test("a refresh does not bring the lock files back, and keeps those of a running git")
  func refreshed() async throws {
    let (writer, backend) = try await Self.staleSnapshot()
    let mount = try await TestMount(TestMount.openRepository(on: backend))
    try await Self.expectNoLocks(in: mount)
    try await mount.write([], to: "objects/info/commit-graph.lock")
    _ = try await mount.coordinator.commit(.sync)
    try await writer.write([2], to: "objects/info/theirs")
    try await writer.write([2], to: "refs/heads/theirs")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await mount.coordinator.refresh())
    #expect(try await mount.read("objects/info/theirs") == [2])
    #expect(try await mount.read("objects/info/commit-graph.lock") == [])
    try await Self.expectNoLocks(in: mount)
    try await mount.write([3], to: "ours")
    _ = try await mount.coordinator.commit(.sync)
    #expect(try await Self.files(backend).isDisjoint(with: Self.locks))
  }
}
