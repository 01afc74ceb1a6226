/// The module `prelude` that every Python client of a mount has imported already: calls that Python has no name for, and a way to expect an error.
enum PythonPrelude {
  static let text = """
    import ctypes, errno, fcntl, hashlib, json, mmap, os, random, signal, socket, stat, subprocess, sys, threading, time
    libc = ctypes.CDLL(None, use_errno=True)
    KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, COLLAPSE_RANGE, NOREPLACE, EXCHANGE = 1, 2, 16, 8, 1, 2

    def fails(name, call, *arguments, **named):
        try:
            call(*arguments, **named)
        except OSError as error:
            assert error.errno == getattr(errno, name), "%s instead of %s" % (error, name)
            return
        raise AssertionError("did not fail with " + name)

    def renameat2(old, new, flags):
        if libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags) != 0:
            raise OSError(ctypes.get_errno(), "renameat2")

    def fallocate(fd, mode, offset, length):
        if libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)) != 0:
            raise OSError(ctypes.get_errno(), "fallocate")

    def put(path, data=b""):
        with open(path, "wb") as file:
            file.write(data)

    def get(path):
        with open(path, "rb") as file:
            return file.read()

    def equal(left, right, what=""):
        assert left == right, "%s: %.300r is not %.300r" % (what, left, right)


    """
}
