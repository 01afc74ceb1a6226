import Glibc
import SystemPackage

/// Writes a file that others may read at any moment: they see the old content or the new one, never a part.
enum ReplacedFile {
  /// Which file has a name, and whether it is still the one that was written.
  struct Identity: Hashable, Sendable {
    private let device: UInt64
    private let number: UInt64
    private let seconds: Int
    private let nanoseconds: Int

    /// The file at `path`; nil if there is none.
    init?(of path: FilePath) {
      var attributes = stat()
      guard path.withPlatformString({ lstat($0, &attributes) }) == 0 else { return nil }
      self.init(attributes)
    }

    fileprivate init(_ attributes: stat) {
      (device, number) = (UInt64(attributes.st_dev), UInt64(attributes.st_ino))
      // A number is given out again.
      (seconds, nanoseconds) = (attributes.st_mtim.tv_sec, attributes.st_mtim.tv_nsec)
    }
  }

  /// As `replace`, for those who do not look again.
  static func write(_ bytes: [UInt8], to path: FilePath) throws(Errno) {
    _ = try replace(path, with: bytes)
  }

  /// Puts `bytes` in the place of the file at `path`, readable for all, and returns which file that is now. The new file is made
  /// beside it and renamed, so a symbolic link at `path` is replaced, and not followed.
  ///
  /// It is not made durable: after a crash of the machine what it said is of no use.
  static func replace(_ path: FilePath, with bytes: [UInt8]) throws(Errno) -> Identity {
    guard let name = path.lastComponent else { throw .isDirectory }
    // Programs that collect files by their ending skip this one.
    let temporary = path.removingLastComponent().pushing(FilePath(".\(name.string).\(getpid()).tmp"))
    // What a process with the same number has left there, or somebody who may write in the folder has put there: a fifo would make
    // us wait, and a second name of another file would have that one overwritten.
    _ = temporary.withPlatformString { unlink($0) }
    let descriptor = try Errno.only {
      try FileDescriptor.open(
        temporary, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }
    do throws(Errno) {
      defer { try? descriptor.close() }  // the written data counts, whether or not it reaches the disk
      // The umask may have removed permissions.
      guard fchmod(descriptor.rawValue, 0o644) == 0 else { throw Errno(rawValue: errno) }
      _ = try Errno.only { try descriptor.writeAll(bytes) }
      var attributes = stat()
      guard fstat(descriptor.rawValue, &attributes) == 0 else { throw Errno(rawValue: errno) }
      let result = temporary.withPlatformString { old in path.withPlatformString { rename(old, $0) } }
      guard result == 0 else { throw Errno(rawValue: errno) }
      return Identity(attributes)
    } catch {
      _ = temporary.withPlatformString { unlink($0) }
      throw error
    }
  }
}
