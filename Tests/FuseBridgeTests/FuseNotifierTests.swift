import FuseBridge
import Glibc
import Platform
import ResticTestSupport
import SystemPackage
import Testing

@Suite("The notifier makes the kernel ask again", .serialized)
struct FuseNotifierTests {
  @Test("a changed name and a new name are seen after an invalidation, and not before")
  func invalidation() throws {
    let fileSystem = MemoryFileSystem()
    fileSystem.plant("f", content: Array("old\n".utf8))
    try Mount.with(fileSystem) { mount in
      #expect(try Client.shell("cat f; ls; cat g 2>/dev/null || true", in: mount.path) == "old\nf\n")
      fileSystem.plant("f", content: Array("new\n".utf8))
      fileSystem.plant("g", content: Array("more\n".utf8))
      #expect(try Client.shell("cat f; test ! -e g", in: mount.path) == "old\n")
      try mount.session.notifier.invalidateEntry(Array("f".utf8), in: 1)
      #expect(try Client.shell("cat f", in: mount.path) == "new\n")
      try mount.session.notifier.invalidateEntry(Array("g".utf8), in: 1)
      try mount.session.notifier.invalidateInode(1)
      #expect(try Client.shell("cat f; ls; cat g", in: mount.path) == "new\nf\ng\nmore\n")
    }
  }

  @Test("an invalidation of an inode or name that the kernel does not know succeeds")
  func unknown() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.shell("ls", in: mount.path)
      try mount.session.notifier.invalidateInode(4_711)
      try mount.session.notifier.invalidateEntry(Array("nothing".utf8), in: 1)
      try mount.session.notifier.invalidateEntry(Array("nothing".utf8), in: 4_711)
    }
  }

  @Test("an invalidation makes the kernel write an open file's dirty pages to the file system")
  func dirtyPages() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      let program = "import os, time; f = open('f', 'wb', 0); f.write(b'dirty'); os.mkdir('written'); time.sleep(3600)"
      let child = try Client.start(["python3", "-c", program], in: mount.path, output: 2)
      try waitBlocking { fileSystem.inode(at: "written") != nil }
      #expect(fileSystem.content(at: "f") == [])
      try mount.session.notifier.invalidateInode(try #require(fileSystem.inode(at: "f")))
      #expect(fileSystem.content(at: "f") == Array("dirty".utf8))
      kill(child, SIGKILL)
      waitpid(child, nil, 0)
    }
  }

  @Test("an exit works while invalidations follow one another")
  func exitWhileNotifying() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      let notifier = mount.session.notifier
      // An invalidation discards the first answer about the root: then only root may enter.
      try Client.shell("ls", in: mount.path)
      for _ in 0..<4 {
        try PlainThread.start {
          for number in 0..<200_000 {
            do {
              try notifier.invalidateEntry(Array("f\(number % 10)".utf8), in: 1)
              try notifier.invalidateInode(1)
            } catch {
              Issue.record("notifying failed: \(error)")
            }
          }
        }
      }
      try Client.shell("for n in 0 1 2 3 4 5 6 7 8 9; do echo $n > f$n; ls -l > /dev/null; done", in: mount.path)
      mount.session.requestExit()
      #expect(try mount.waitForEnd() == .exitRequested)
    }
  }
}
