import FuseBridge
import Glibc
import SystemPackage
import Testing

@Suite("A session mounts, serves and ends", .serialized)
struct FuseSessionTests {
  @Test("the mount shows its type, source and flags")
  func mountInformation() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      let line = try #require(mount.mountInformation)
      #expect(line.contains(" - fuse.restic-gitfs restic:/srv/vault,\\040\\134odd "))
      for flag in ["nosuid", "nodev", "noexec", "default_permissions"] { #expect(line.contains(flag)) }
    }
  }
}
