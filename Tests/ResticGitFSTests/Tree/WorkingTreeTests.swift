import FuseBridge
import ResticCore
import Testing

@testable import ResticGitFS

@Suite("The tree of a mount")
struct WorkingTreeTests {
  @Test("the content of a renamed directory no longer counts as unchanged: its place is new")
  func renamedDirectory() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    try await mount.write(Array("1".utf8), to: "d/f")
    try await mount.write(Array("2".utf8), to: "d/e/g")
    _ = try await mount.coordinator.commit(.sync)
    try await mount.onThread { mount in
      try mount.fileSystem.rename(Array("d".utf8), in: 1, to: Array("moved".utf8), in: 1, mode: .replace)
    }
    #expect(try await mount.onThread { mount in Self.untouched(mount.tree.read { $0.freeze() }.root) } == [])
    // And a commit later it is as the base is.
    _ = try await mount.coordinator.commit(.sync)
    try await mount.onThread { mount in
      let made = try mount.fileSystem.makeDirectory(Array("new".utf8), in: 1, mode: 0o755, caller: TestMount.caller)
      mount.fileSystem.forget(made.inode, count: 1)
    }
    #expect(try await mount.onThread { mount in Self.untouched(mount.tree.read { $0.freeze() }.root) } == ["moved"])
  }

  // F1 Bytes written […] are read back as written, before and after a commit.
  @Test("extents of an older content are not taken for extents of a newer one")
  func staleExtents() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    try await mount.write(Array("old".utf8), to: "f")
    _ = try await mount.coordinator.commit(.sync)
    let (inode, stale) = try await mount.onThread { mount in
      let inode = try mount.inode("f")
      return (inode, try #require(mount.tree.read { $0.inodes[inode]?.node }))
    }
    let extents = try await mount.repository.extents(of: stale)
    // One program opens the file, and is about to note its extents. Another program opens the file, writes, commits and closes it.
    try await mount.overwrite(Array("newer".utf8), at: 0, of: "f")
    _ = try await mount.coordinator.commit(.sync)
    mount.tree.bookkeep { $0.install(extents, of: inode, from: stale) }
    #expect(try await mount.read("f") == Array("newer".utf8))
  }

  /// The names of all that a frozen directory has untouched.
  private static func untouched(_ directory: FrozenTree.Directory) -> [Name] {
    directory.entries.flatMap { entry -> [Name] in
      switch entry {
      case .stored(let node, isUntouched: true): [node.name]
      case .stored, .file: []
      case .directory(let inner): untouched(inner)
      }
    }
  }

  @Test("a tree still calls its listener after years of changes")
  func manyChanges() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    try await mount.onThread { mount in
      // Each of them was once a frame more on the stack of all later ones.
      for _ in 0..<300_000 {
        try mount.tree.perform(.setAttributes(AttributeChanges(mode: 0o755), of: Namespace.root))
      }
    }
  }
}
