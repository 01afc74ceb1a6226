import CLinux
import Glibc
import SystemPackage

/// The system calls of the local backend: each retried when a signal interrupts it, errors as `Errno`.
///
/// They block; call them on a `BlockingExecutor` only. Paths are passed on unchanged.
enum SystemCall {
  /// open(2), always with O_CLOEXEC.
  static func open(_ path: FilePath, _ flags: Int32, mode: mode_t = 0) throws(Errno) -> Int32 {
    try retrying { path.withPlatformString { Glibc.open($0, flags | O_CLOEXEC, mode) } }
  }

  /// close(2). An interrupted close has closed the descriptor: Linux never needs a second call.
  static func close(_ descriptor: Int32) throws(Errno) {
    guard Glibc.close(descriptor) == 0 || errno == EINTR else { throw Errno(rawValue: errno) }
  }

  /// write(2) until all of `bytes` is written.
  static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      let count = try retrying { Glibc.write(descriptor, part.baseAddress, part.count) }
      rest = rest.dropFirst(count)
    }
  }

  /// As `writeAll`, for an empty file, and past the page cache if memory and file system allow it (`O_DIRECT`): copying
  /// a pack into the cache costs more CPU time than encrypting it.
  static func writeAllPastCache(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
    let isAligned = Int(bitPattern: bytes.baseAddress) % directAlignment == 0
    var written = 0
    if isAligned, setDirect(descriptor, true) {
      let whole = bytes.count - bytes.count % directAlignment
      do throws(Errno) {
        while written < whole {
          let part = UnsafeRawBufferPointer(rebasing: bytes[written..<whole])
          written += try retrying { Glibc.write(descriptor, part.baseAddress, part.count) }
        }
      } catch .invalidArgument {
        // This file system has other requirements; the rest is written normally.
      }
      guard setDirect(descriptor, false) else { throw Errno(rawValue: errno) }
    }
    try writeAll(descriptor, UnsafeRawBufferPointer(rebasing: bytes[written...]))
  }

  /// pread(2) until `buffer` is full or the file ends. Returns how many bytes were read.
  static func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(Errno) -> Int {
    var filled = 0
    while filled < buffer.count {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let count = try retrying { Glibc.pread(descriptor, part.baseAddress, part.count, off_t(offset + filled)) }
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// fsync(2). If a file system does not support it, that is ignored, as in restic.
  static func synchronize(_ descriptor: Int32) throws(Errno) {
    do throws(Errno) {
      _ = try retrying { Glibc.fsync(descriptor) }
    } catch .notSupported, .invalidArgument {
      return
    }
  }

  /// fsync(2) of the directory at `path`: makes the names in it durable.
  static func synchronizeDirectory(_ path: FilePath) throws(Errno) {
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
    // Only the result of fsync counts; the descriptor was never written to.
    defer { try? close(descriptor) }
    try synchronize(descriptor)
  }

  /// fchmod(2).
  static func setMode(_ descriptor: Int32, _ mode: mode_t) throws(Errno) {
    _ = try retrying { Glibc.fchmod(descriptor, mode) }
  }

  /// stat(2) of `path`; a symbolic link is followed, as restic does.
  static func status(_ path: FilePath) throws(Errno) -> Glibc.stat {
    var status = Glibc.stat()
    _ = try retrying { path.withPlatformString { stat($0, &status) } }
    return status
  }

  /// lstat(2) of `path`: a symbolic link is not followed.
  static func linkStatus(_ path: FilePath) throws(Errno) -> Glibc.stat {
    var status = Glibc.stat()
    _ = try retrying { path.withPlatformString { lstat($0, &status) } }
    return status
  }

  /// The kind of object with this status, with its article; nil for a plain file.
  static func irregularKind(_ status: Glibc.stat) -> String? {
    switch status.st_mode & S_IFMT {
    case S_IFREG: nil
    case S_IFDIR: "a folder"
    case S_IFLNK: "a symbolic link"
    case S_IFIFO: "a fifo"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  /// fstat(2).
  static func status(_ descriptor: Int32) throws(Errno) -> Glibc.stat {
    var status = Glibc.stat()
    _ = try retrying { Glibc.fstat(descriptor, &status) }
    return status
  }

  /// statvfs(3).
  static func fileSystemStatus(_ path: FilePath) throws(Errno) -> Glibc.statvfs {
    var status = Glibc.statvfs()
    _ = try retrying { path.withPlatformString { statvfs($0, &status) } }
    return status
  }

  /// The `f_type` of statfs(2).
  static func fileSystemType(_ path: FilePath) throws(Errno) -> Int {
    var status = CLinux.statfs()
    _ = try retrying { path.withPlatformString { statfs($0, &status) } }
    return Int(status.f_type)
  }

  /// mkdir(2). True if the directory is new, false if the name already existed.
  static func makeDirectory(_ path: FilePath, mode: mode_t) throws(Errno) -> Bool {
    do throws(Errno) {
      _ = try retrying { path.withPlatformString { Glibc.mkdir($0, mode) } }
      return true
    } catch .fileExists {
      return false
    }
  }

  /// fchmod(2) of the plain file at `path`; a symbolic link is not followed.
  static func setModeOfFile(_ path: FilePath, _ mode: mode_t) throws(Errno) {
    guard irregularKind(try linkStatus(path)) == nil else { return }
    let descriptor = try open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
    // The file was only opened: closing it can lose nothing.
    defer { try? close(descriptor) }
    try setMode(descriptor, mode)
  }

  /// unlink(2).
  static func unlink(_ path: FilePath) throws(Errno) {
    _ = try retrying { path.withPlatformString { Glibc.unlink($0) } }
  }

  /// Renames `source` to `target`, and throws `.fileExists` if `target` exists.
  ///
  /// Uses link(2) and unlink(2): Glibc's module hides renameat2(2), and a process that dies in between leaves only a
  /// second, temporary name. If the file system has no hard links, uses a check and rename(2): then two writers of one
  /// name at the same instant may both succeed.
  static func renameWithoutReplacing(_ source: FilePath, to target: FilePath) throws(Errno) {
    do throws(Errno) {
      _ = try onBoth(source, target) { Glibc.link($0, $1) }
      try unlink(source)
    } catch  where [.notPermitted, .notSupported, .noFunction, .tooManyLinks].contains(error) {
      guard !isThere(target) else { throw .fileExists }
      _ = try onBoth(source, target) { Glibc.rename($0, $1) }
    }
  }

  /// Whether there is an object at `path`, as far as this can be found out.
  static func isThere(_ path: FilePath) -> Bool {
    do throws(Errno) {
      _ = try status(path)
      return true
    } catch {
      return error != .noSuchFileOrDirectory && error != .notDirectory
    }
  }

  /// Whether this user is known to have no permission to add and remove names in the directory at `path`: faccessat(2). Any
  /// other error counts as no: where a container refuses unknown calls, this one fails with EPERM.
  static func isForbidden(_ path: FilePath) -> Bool {
    path.withPlatformString { faccessat(AT_FDCWD, $0, W_OK | X_OK, AT_EACCESS) } != 0 && errno == EACCES
  }

  /// Calls `body` with the name of each entry of the directory at `path`, `.` and `..` included, and its descriptor.
  static func forEachName(
    in path: FilePath, _ body: (_ name: UnsafePointer<CChar>, _ directory: Int32) throws(Errno) -> Void
  ) throws(Errno) {
    try forEachName(inOpen: try open(path, O_RDONLY | O_DIRECTORY), body)
  }

  /// As `forEachName(in:_:)`, for the directory that `descriptor` is open for, which is closed at the end.
  static func forEachName(
    inOpen descriptor: Int32, _ body: (_ name: UnsafePointer<CChar>, _ directory: Int32) throws(Errno) -> Void
  ) throws(Errno) {
    guard let stream = fdopendir(descriptor) else {
      let error = Errno(rawValue: errno)
      // The first error is the one to report.
      try? close(descriptor)
      throw error
    }
    defer { closedir(stream) }
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else { throw Errno(rawValue: errno) }
        return
      }
      let name = UnsafeRawPointer(entry) + (MemoryLayout<dirent>.offset(of: \.d_name) ?? 0)
      try body(name.assumingMemoryBound(to: CChar.self), descriptor)
    }
  }

  /// The result of `call`, repeated while a signal interrupts it.
  static func retrying<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
    while true {
      let result = call()
      if result >= 0 { return result }
      let error = Errno(rawValue: errno)
      if error != .interrupted { throw error }
    }
  }

  /// Place, length and memory of a direct write must be multiples of this, which fits every common block size.
  private static let directAlignment = 4096

  /// Switches `O_DIRECT` of an open file. Returns false if the file system does not support it; `errno` says why.
  private static func setDirect(_ descriptor: Int32, _ isDirect: Bool) -> Bool {
    let flags = fcntl(descriptor, F_GETFL)
    return flags >= 0 && fcntl(descriptor, F_SETFL, isDirect ? flags | __O_DIRECT : flags & ~__O_DIRECT) == 0
  }

  private static func onBoth(
    _ first: FilePath, _ second: FilePath,
    _ call: (UnsafePointer<CInterop.PlatformChar>, UnsafePointer<CInterop.PlatformChar>) -> Int32
  ) throws(Errno) -> Int32 {
    try retrying {
      first.withPlatformString { first in second.withPlatformString { second in call(first, second) } }
    }
  }
}
