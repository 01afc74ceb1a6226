import Glibc
import SystemPackage
import Testing

@testable import FuseBridge

@Suite("Odd arguments are refused, never fatal")
struct FuseDecodingTests {
  @Test("missing and empty strings are EINVAL")
  func strings() throws {
    #expect(throws: Errno.invalidArgument) { try bytes(of: nil) }
    let empty: [CChar] = [0]
    #expect(throws: Errno.invalidArgument) { try bytes(of: empty) }
    let name: [CChar] = [-61, -87, 0, 1]
    #expect(try bytes(of: name) == [0xC3, 0xA9])
    let long = [CChar](repeating: 0x78, count: 256) + [0]
    #expect(throws: Errno.fileNameTooLong) { try entryName(long) }
    #expect(try entryName(Array(long[1...])).count == 255)
  }

  @Test("a negative position is EINVAL, a missing handle EBADF")
  func positions() throws {
    for offset in [Int.min, -1] { #expect(throws: Errno.invalidArgument) { try position(offset) } }
    #expect(try position(.max) == UInt64(Int64.max))
    #expect(throws: Errno.badFileDescriptor) { try handle(of: nil) }
  }

  @Test("setattr takes every combination of fields, and refuses invalid times and sizes")
  func changes() {
    var status = stat()
    status.st_mode = 0o644
    status.st_size = 5
    status.st_mtim = timespec(tv_sec: -1, tv_nsec: 999_999_999)
    for fields in Int32(0)..<(1 << 18) {
      #expect(FuseAttributeChanges(status, fields: fields, handle: 7) != nil)
    }
    #expect(FuseAttributeChanges(status, fields: .min, handle: nil) != nil)
    #expect(
      FuseAttributeChanges(status, fields: 1 << 5, handle: nil)?.modificationTime
        == .at(FuseTime(seconds: -1, nanoseconds: 999_999_999)))
    #expect(FuseAttributeChanges(status, fields: 1 << 5 | 1 << 8, handle: nil)?.modificationTime == .now)
    #expect(FuseAttributeChanges(status, fields: 1 << 3, handle: nil)?.byteCount == 5)
    for nanoseconds in [-1, 1_000_000_000, Int.min, Int.max] {
      status.st_mtim.tv_nsec = nanoseconds
      #expect(FuseAttributeChanges(status, fields: 1 << 5, handle: nil) == nil)
    }
    status.st_size = -1
    #expect(FuseAttributeChanges(status, fields: 1 << 3, handle: nil) == nil)
  }

  @Test("flags lose O_APPEND and write-only")
  func flags() {
    #expect(flagsUnderWritebackCache(O_WRONLY | O_APPEND) == O_RDWR)
    #expect(flagsUnderWritebackCache(O_RDONLY) == O_RDONLY)
    #expect(flagsUnderWritebackCache(O_RDWR | O_EXCL) == O_RDWR | O_EXCL)
    #expect(flagsUnderWritebackCache(-1) & O_APPEND == 0)
  }

  @Test("arguments for libfuse come in pairs, odd characters escaped")
  func arguments() {
    var options = FuseMountOptions(fileSystemName: "a,b\\c", subtype: "t")
    options.additionalOptions = ["x"]
    #expect(
      options.arguments == [
        "restic-gitfs", "-o", "x", "-o", "fsname=a\\,b\\\\c", "-o", "subtype=t", "-o", "default_permissions", "-o",
        "nosuid", "-o", "nodev", "-o", "noexec",
      ])
  }
}
