import Glibc
import Platform
import SystemPackage

/// Small files in the client's git folder that only save work: whatever is wrong with one, it is none.
enum ClientFile {
  /// The bytes of the regular file at `path`; nil where there is none, or where it has more than `limit` bytes.
  static func load(_ path: FilePath, limit: Int) -> [UInt8]? {
    // Whatever is wrong: then there is more to look at.
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

  /// Puts `bytes` in the place of the file `name` in `folder`, which is made if it is not there, if that can be done.
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
      // The next push looks at more.
      remove(new)
    }
  }

  /// Removes the file at `path`, if that can be done.
  static func remove(_ path: FilePath) {
    _ = path.withPlatformString { unlink($0) }
  }
}
