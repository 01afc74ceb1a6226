import SystemPackage
import Testing

@testable import FuseBridge

@Suite("Extended attributes", .serialized)
struct FuseExtendedAttributeTests {
  @Test("attributes are set, read, listed and removed")
  func roundTrip() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.python(
        """
        open('f', 'w').close()
        os.setxattr('f', 'user.a', b'1\\0\\xff')
        os.setxattr('f', 'user.empty', b'')
        os.setxattr('f', 'user.big', b'x' * 65_536)
        assert os.getxattr('f', 'user.a') == b'1\\0\\xff'
        assert os.getxattr('f', 'user.empty') == b''
        assert len(os.getxattr('f', 'user.big')) == 65_536
        assert sorted(os.listxattr('f')) == ['user.a', 'user.big', 'user.empty']
        fails(errno.EEXIST, os.setxattr, 'f', 'user.a', b'', os.XATTR_CREATE)
        fails(errno.ENODATA, os.setxattr, 'f', 'user.b', b'', os.XATTR_REPLACE)
        os.removexattr('f', 'user.a')
        fails(errno.ENODATA, os.getxattr, 'f', 'user.a')
        fails(errno.ENODATA, os.removexattr, 'f', 'user.a')
        fails(errno.E2BIG, os.setxattr, 'f', 'user.b', b'x' * 65_537)
        """, in: mount.path)
    }
  }

  @Test("a small buffer gets ERANGE, an empty one the size")
  func bufferSizes() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.python(
        """
        open('f', 'w').close()
        os.setxattr('f', 'user.a', b'12345')
        buffer = ctypes.create_string_buffer(100)
        assert libc.getxattr(b'f', b'user.a', None, 0) == 5
        assert libc.listxattr(b'f', None, 0) == 7
        assert libc.getxattr(b'f', b'user.a', buffer, 4) == -1 and ctypes.get_errno() == errno.ERANGE
        assert libc.listxattr(b'f', buffer, 6) == -1 and ctypes.get_errno() == errno.ERANGE
        assert libc.getxattr(b'f', b'user.a', buffer, 5) == 5
        """, in: mount.path)
    }
  }

  @Test("the kernel goes on asking although the file system does not know a kind of name")
  func neverAskAgain() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.python(
        """
        open('f', 'w').close()
        fails(errno.ENODATA, os.getxattr, 'f', 'user.nosys')
        os.setxattr('f', 'user.a', b'1')
        assert os.getxattr('f', 'user.a') == b'1'
        """, in: mount.path)
    }
  }

  @Test("a value that is too large for the kernel is E2BIG")
  func limits() throws {
    #expect(throws: Errno.argListTooLong) {
      try FuseReply.attribute([UInt8](repeating: 0, count: 65_537), limit: 0)
    }
    #expect(throws: Errno.argListTooLong) {
      try FuseReply.attribute([UInt8](repeating: 0, count: 65_537), limit: 100_000)
    }
    guard case .neededByteCount(65_536) = try FuseReply.attribute([UInt8](repeating: 0, count: 65_536), limit: 0)
    else {
      Issue.record("a size query is answered with the size")
      return
    }
  }
}
