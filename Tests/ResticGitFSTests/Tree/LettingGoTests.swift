import FuseBridge
import Glibc
import ResticCore
import SystemPackage
import Testing

@testable import ResticGitFS

// M3: clean inodes that the kernel has forgotten are let go, and nothing else.
@Suite("The eviction of inodes", .timeLimit(.minutes(30)))
struct LettingGoTests {
  private static func letGo(_ mount: TestMount, as mounter: FileOwner = TestMount.owner) -> Int {
    mount.tree.bookkeep { $0.letGo(examining: .max, mounter: mounter, recentCount: 0).count }
  }

  private static func count(_ mount: TestMount) -> Int { mount.tree.read { $0.inodes.count } }

  /// A committed tree of three directories, one in the other, with two files in each.
  private static func mount() async throws -> TestMount {
    let mount = try await TestMount(TestMount.makeRepository())
    for path in ["d/a", "d/b", "d/e/a", "d/e/b", "d/e/g/a", "d/e/g/b"] {
      try await mount.write(Array(path.utf8), to: path)
    }
    try await mount.commit()
    return mount
  }

  @Test("committed and forgotten inodes are evicted, from the leaves up, and are the same when they are loaded again")
  func leavesFirst() async throws {
    let mount = try await Self.mount()
    let before = try await mount.status("d/e/g/a")
    #expect(Self.count(mount) == 10)
    for left in [8, 5, 2] {
      #expect(Self.letGo(mount) > 0)
      #expect(Self.count(mount) == left)
    }
    #expect(Self.letGo(mount) == 0)
    var after = try await mount.status("d/e/g/a")
    // Files from a snapshot seem to belong to the mounting user.
    (after.userID, after.groupID) = (before.userID, before.groupID)
    #expect(after == before)
    #expect(try await mount.read("d/e/b") == Array("d/e/b".utf8))
    #expect(try await mount.commit() == .unchanged(mount.coordinator.current.base.shown.snapshot?.id))
  }

  @Test("changed inodes, open inodes and inodes that the kernel knows stay, with all their parent directories")
  func kept() async throws {
    let mount = try await Self.mount()
    let (inode, handle) = try await mount.open("d/e/g/a", flags: O_RDONLY)
    #expect(Self.letGo(mount) == 0)
    mount.fileSystem.release(inode, handle: handle)
    try await mount.changeMode(0o600, of: "d/e/g/a")
    #expect(Self.letGo(mount) == 0)
    try await mount.commit()
    let known = try await mount.onThread { mount in
      let directory = try mount.inode("d/e/g")
      return try mount.fileSystem.lookup(Array("a".utf8), in: directory, caller: TestMount.caller).inode
    }
    #expect(Self.letGo(mount) == 0)
    let release = mount.tree.bookkeep { $0.letGo(examining: .max, mounter: TestMount.owner, recentCount: 0) }
    #expect(release.known == [known])
    mount.fileSystem.forget(known, count: 1)
    #expect(Self.letGo(mount) == 2)
  }

  @Test("a file of another user keeps its owner for the lifetime of the mount")
  func owners() async throws {
    let mount = try await Self.mount()
    #expect(Self.letGo(mount, as: FileOwner(userID: 4711, groupID: 4711)) == 0)
    #expect(try await mount.status("d/e/g/a").userID == TestMount.owner.userID)
  }

  @Test("a directory with git's unfinished files stays: no snapshot has them")
  func inFlight() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    for name in ["HEAD", "objects/x", "refs/heads/main"] { try await mount.write([], to: name) }
    try await mount.onThread { mount in
      let heads = try mount.inode("refs/heads")
      _ = try mount.fileSystem.makeSymbolicLink(
        Array("main.lock".utf8), in: heads, target: Array("x".utf8), caller: TestMount.caller)
      mount.fileSystem.forget(try mount.inode("refs/heads/main.lock"), count: 1)
    }
    try await mount.commit()
    while Self.letGo(mount) > 0 {}
    #expect(try await mount.status("refs/heads/main.lock").mode & S_IFMT == S_IFLNK)
  }

  @Test("deleted directories leave nothing behind")
  func comingAndGoing() throws {
    var tree = Namespace.empty()
    let time = Timestamp(seconds: 1_000, nanoseconds: 0)
    for _ in 0..<5_000 {
      _ = try tree.apply(.create(NewInode(type: .dir, permissions: 0o755), as: "d", in: Namespace.root), at: time)
      _ = try tree.apply(.removeDirectory("d", in: Namespace.root), at: time)
    }
    #expect(tree.loadedDirectories.count < 1_100)
  }

  @Test("a mount keeps its limit of inodes during a walk through a large tree, and shows all of it")
  func budget() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    for directory in 0..<300 {
      for number in 0..<3 { try await mount.write([], to: "d\(directory)/f\(number)") }
    }
    try await mount.commit()
    let other = try await mount.again()
    other.tree.keepInodes(to: InodeBudget(count: 900, mounter: TestMount.owner) { _ in })
    for round in 0..<2 {
      for directory in 0..<300 {
        #expect(try await other.status("d\(directory)/f\(round)").byteCount == 0)
        #expect(Self.count(other) <= 900 + 8)
      }
    }
  }
}
