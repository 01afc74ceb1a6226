import FuseBridge
import Glibc
import Testing

@testable import ResticGitFS

@Suite("Listing a directory")
struct DirectoryListingTests {
  @Test("a small directory is listed anew each time, with its files' attributes; the kernel keeps a large one's names")
  func cached() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    try await mount.onThread { mount in
      let fileSystem = mount.fileSystem
      func keepsCache() throws -> Bool {
        let opened = try fileSystem.openDirectory(Namespace.root, flags: O_RDONLY)
        fileSystem.releaseDirectory(Namespace.root, handle: opened.handle)
        return opened.keepsCache
      }
      for number in 0..<257 {
        #expect(try !keepsCache())
        let name = Array("f\(number)".utf8)
        let made = try fileSystem.create(name, in: Namespace.root, mode: 0o644, flags: 0, caller: TestMount.caller)
        fileSystem.release(made.entry.inode, handle: made.file.handle)
        fileSystem.forget(made.entry.inode, count: 1)
      }
      #expect(try keepsCache())
    }
  }
}
