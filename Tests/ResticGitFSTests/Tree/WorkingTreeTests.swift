import FuseBridge
import ResticCore
import Testing

@testable import ResticGitFS

@Suite("The tree of a mount")
struct WorkingTreeTests {
  @Test("what is beneath a directory that was renamed is not untouched any more: it is at another place")
  func renamedDirectory() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    try await mount.write(Array("1".utf8), to: "d/f")
    try await mount.write(Array("2".utf8), to: "d/e/g")
    _ = try await mount.coordinator.commit(.sync)
    try await mount.onThread { mount in
      try mount.fileSystem.rename(Array("d".utf8), in: 1, to: Array("moved".utf8), in: 1, mode: .replace)
    }
    #expect(try await mount.onThread { mount in Self.untouched(mount.tree.inspect { $0.freeze() }.root) } == [])
    // And a commit later it is as the base is.
    _ = try await mount.coordinator.commit(.sync)
    try await mount.onThread { mount in
      let made = try mount.fileSystem.makeDirectory(Array("new".utf8), in: 1, mode: 0o755, caller: TestMount.caller)
      mount.fileSystem.forget(made.attributes.inode, count: 1)
    }
    #expect(try await mount.onThread { mount in Self.untouched(mount.tree.inspect { $0.freeze() }.root) } == ["moved"])
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

  @Test("a tree that changes for years still calls its listener")
  func manyChanges() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    try await mount.onThread { mount in
      // Each of them was once a frame more on the stack of all later ones.
      for _ in 0..<300_000 { try mount.tree.change("test") { _ throws(NamespaceError) in } }
    }
  }
}
