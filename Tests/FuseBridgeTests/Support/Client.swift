import Glibc
import Platform
import ResticTestSupport
import SystemPackage

/// A program run as a child: what uses a mount must never be the process that serves it.
enum Client {
  /// How a program ended.
  struct Result {
    /// Its exit status; 128 + n for signal n.
    let status: Int32
    /// Standard output and standard error.
    let output: String
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Runs a Python program with the mountpoint as its working directory; throws what it printed if it failed.
  @discardableResult
  static func python(_ program: String, in directory: FilePath) throws -> String {
    try succeed(["python3", "-I", "-c", pythonPrelude + program], in: directory)
  }

  /// Runs a shell script.
  @discardableResult
  static func shell(_ script: String, in directory: FilePath) throws -> String {
    try succeed(["/bin/sh", "-ec", script], in: directory)
  }

  /// Runs a program and waits for it, `seconds` at most.
  static func run(_ arguments: [String], in directory: FilePath, seconds: Int = 300) throws -> Result {
    var template = TemporaryPath.template("client")
    let descriptor = mkstemp(&template)
    defer {
      close(descriptor)
      unlink(template)
    }
    let child = try start(arguments, in: directory, output: descriptor)
    var status: Int32 = 0
    do {
      try waitBlocking(.seconds(seconds)) { waitpid(child, &status, WNOHANG) != 0 }
    } catch {
      kill(child, SIGKILL)
      throw Failure(description: "\(arguments[0]) did not end in \(seconds) s: \(text(of: descriptor))")
    }
    let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    return Result(status: code, output: text(of: descriptor))
  }

  /// Starts a Python program as `python` does, and does not wait; the caller has to.
  static func startPython(_ program: String, in directory: FilePath, output: Int32) throws -> pid_t {
    try start(["python3", "-I", "-c", pythonPrelude + program], in: directory, output: output)
  }

  /// Starts a program and does not wait; the caller has to.
  static func start(_ arguments: [String], in directory: FilePath, output: Int32) throws -> pid_t {
    let output = FileDescriptor(rawValue: output)
    do throws(Errno) {
      // Swift's Glibc lacks posix_spawn_file_actions_addchdir_np, so env changes the directory.
      return try ChildProcess.start(
        "env", ["--chdir=" + directory.string] + arguments, files: [0: "/dev/null"],
        descriptors: [(1, output), (2, output)], signals: .unblocked
      ).processID
    } catch {
      throw Failure(description: "\(arguments[0]): \(error)")
    }
  }

  private static func succeed(_ arguments: [String], in directory: FilePath) throws -> String {
    let result = try run(arguments, in: directory)
    guard result.status == 0 else {
      throw Failure(description: "\(arguments[0]) ended with \(result.status):\n\(result.output)")
    }
    return result.output
  }

  private static func text(of descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    lseek(descriptor, 0, SEEK_SET)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static let pythonPrelude = """
    import ctypes, errno, mmap, os, stat, sys, threading, time
    libc = ctypes.CDLL(None, use_errno=True)
    def fails(code, call, *arguments):
        try:
            call(*arguments)
        except OSError as error:
            assert error.errno == code, (error, errno.errorcode[code])
            return
        raise AssertionError("it did not fail with " + errno.errorcode[code])
    def renameat2(old, new, flags):
        if libc.renameat2(-100, old.encode(), -100, new.encode(), flags) != 0:
            raise OSError(ctypes.get_errno(), "renameat2")
    def fallocate(fd, mode, offset, length):
        if libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)) != 0:
            raise OSError(ctypes.get_errno(), "fallocate")
    def become_nobody():
        os.umask(0)
        os.makedirs('d', exist_ok=True)
        if os.getuid() == 0:
            os.chmod('d', 0o777); os.setgroups([]); os.setgid(65534); os.setuid(65534)

    """
}
