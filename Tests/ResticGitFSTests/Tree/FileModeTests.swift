import Glibc
import ResticCore
import Testing

@testable import ResticGitFS

@Suite("FileMode")
struct FileModeTests {
  @Test(
    "every mode survives the conversion to restic's form and back",
    arguments: [
      S_IFREG, S_IFDIR, S_IFLNK, S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK,
    ])
  func roundTrip(format: UInt32) throws {
    for permissions: UInt32 in 0...0o7777 {
      let type = try #require(FileMode.type(format))
      let node = Node(name: "x", type: type, mode: FileMode.stored(format | permissions))
      #expect(FileMode.unix(node) == format | permissions)
    }
  }

  @Test(
    "restic's bits are Go's",
    arguments: [
      (S_IFREG | 0o644, 0o644), (S_IFDIR | 0o755, 1 << 31 | 0o755), (S_IFLNK | 0o777, 1 << 27 | 0o777),
      (S_IFCHR | 0o600, 1 << 26 | 1 << 21 | 0o600), (S_IFREG | 0o4755, 1 << 23 | 0o755),
      (S_IFDIR | 0o1777, 1 << 31 | 1 << 20 | 0o777),
    ] as [(UInt32, UInt32)])
  func knownValues(unix: UInt32, stored: UInt32) {
    #expect(FileMode.stored(unix) == stored)
  }
}
