import Glibc
import SystemPackage

/// Writes a file that others may read at any moment: they see the old content or the new one, never a part.
enum ReplacedFile {
  /// Puts `bytes` in the place of the file at `path`, readable for all. The new file is made beside it and renamed.
  ///
  /// It is not made durable: after a crash of the machine what it said is of no use.
  static func write(_ bytes: [UInt8], to path: FilePath) throws(Errno) {
    guard let name = path.lastComponent else { throw .isDirectory }
    // Programs that collect files by their ending skip this one.
    let temporary = path.removingLastComponent().pushing(FilePath(".\(name.string).\(getpid()).tmp"))
    let descriptor = try Errno.only {
      try FileDescriptor.open(
        temporary, .writeOnly, options: [.create, .truncate, .closeOnExec, .noFollow],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }
    do throws(Errno) {
      defer { try? descriptor.close() }  // the written data counts, whether or not it reaches the disk
      // The umask may have removed permissions.
      guard fchmod(descriptor.rawValue, 0o644) == 0 else { throw Errno(rawValue: errno) }
      _ = try Errno.only { try descriptor.writeAll(bytes) }
      let result = temporary.withPlatformString { old in path.withPlatformString { rename(old, $0) } }
      guard result == 0 else { throw Errno(rawValue: errno) }
    } catch {
      _ = temporary.withPlatformString { unlink($0) }
      throw error
    }
  }
}
