import Testing

@Suite("Errors arrive at the caller", .serialized)
struct FuseErrnoTests {
  @Test("a system call fails with the errno that the file system throws")
  func everyErrno() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.python(
        """
        unassigned = (41, 58)
        for code in list(range(1, 134)) + [134, 511, 0, -5, 512, 600, 4095, 2147483647]:
            expected = code if 0 < code < 134 and code not in unassigned else errno.EIO
            if code == errno.ENOSYS: expected = errno.EOPNOTSUPP
            try:
                os.stat('errno-%d' % code)
            except OSError as error:
                assert error.errno == expected, (code, error)
            else:
                raise AssertionError(code)
        """, in: mount.path)
    }
  }
}
