import FuseBridge
import Testing

@testable import ResticGitFS

@Suite("The tree of a mount")
struct WorkingTreeTests {
  @Test("a tree that changes for years still calls its listener")
  func manyChanges() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    try await mount.onThread { mount in
      // Each of them was once a frame more on the stack of all later ones.
      for _ in 0..<300_000 { try mount.tree.change("test") { _ throws(NamespaceError) in } }
    }
  }
}
