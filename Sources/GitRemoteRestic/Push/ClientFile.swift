import Glibc
import Platform
import SystemPackage

/// Small files in the client's git folder that only save work. A file that is invalid in any way counts as missing.
enum ClientFile {
  /// Returns the bytes of the regular file at `path`; nil if there is no such file or if it has more than `limit`
  /// bytes.
  static func load(_ path: FilePath, limit: Int) -> [UInt8]? {
    // If the file cannot be read, for whatever reason, the push checks more objects.
    guard
      let descriptor = try? FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking])
    else { return nil }
    defer { descriptor.closeQuietly() }
    var attributes = stat()
    guard fstat(descriptor.rawValue, &attributes) == 0, attributes.st_mode & S_IFMT == S_IFREG,
      attributes.st_size <= limit
    else { return nil }
    return descriptor.readAll()
  }

  /// Replaces the file `name` in `folder` by one with `bytes`, and creates the folder if it does not exist. Does
  /// nothing if that fails.
  static func replace(_ name: String, in folder: FilePath, with bytes: [UInt8]) {
    _ = folder.withPlatformString { mkdir($0, 0o777) }
    let (new, file) = (folder.appending("tmp-\(getpid())"), folder.appending(name))
    do {
      let descriptor = try FileDescriptor.open(
        new, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
      defer { descriptor.closeQuietly() }
      try descriptor.writeAll(bytes)
      let isThere = new.withPlatformString { new in file.withPlatformString { rename(new, $0) } } == 0
      if !isThere { remove(new) }
    } catch {
      // The next push checks more objects.
      remove(new)
    }
  }

  /// Removes the file at `path`. Does nothing if that fails.
  static func remove(_ path: FilePath) {
    _ = path.withPlatformString { unlink($0) }
  }
}
