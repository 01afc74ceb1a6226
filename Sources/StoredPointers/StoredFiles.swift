internal import Platform
public import SystemPackage

/// The files of a mount, read in the way that a process may use: the process that serves a mount must not read them
/// through the kernel.
public protocol StoredFiles {
  /// The bytes of the regular file at `path`, at most `limit` + 1 of them. Throws `.noSuchFileOrDirectory` or
  /// `.notDirectory` if there is no such file.
  func content(of path: FilePath, limit: Int) throws(Errno) -> [UInt8]
  /// The names in the folder at `path`, at most `limit` + 1 of them. Throws `.noSuchFileOrDirectory` or `.notDirectory`
  /// if there is no such folder.
  func names(in path: FilePath, limit: Int) throws(Errno) -> [FilePath.Component]
}

/// Files that are read through the kernel, by path.
public struct FilesOfPath: StoredFiles {
  /// Creates a reader, which has no state.
  public init() {}

  /// Reads the file, without following a symbolic link in the last component. Throws the kernel's error.
  public func content(of path: FilePath, limit: Int) throws(Errno) -> [UInt8] {
    do {
      let descriptor = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking])
      defer { descriptor.closeQuietly() }
      var bytes = [UInt8](repeating: 0, count: limit + 1)
      var count = 0
      while count < bytes.count {
        let read = try bytes.withUnsafeMutableBytes {
          try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[count...]))
        }
        guard read > 0 else { break }
        count += read
      }
      return Array(bytes[..<count])
    } catch {
      throw error as? Errno ?? .ioError
    }
  }

  /// Lists the folder without `.` and `..`. Throws the kernel's error.
  public func names(in path: FilePath, limit: Int) throws(Errno) -> [FilePath.Component] {
    try FolderNames.list(path, limit: limit)
  }
}
