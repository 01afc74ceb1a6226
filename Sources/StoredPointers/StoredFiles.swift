internal import Platform
public import SystemPackage

/// The files of a mount, as one process or another reads them: the one that serves a mount must not ask the kernel for them.
public protocol StoredFiles {
  /// The bytes of the regular file at `path`, or one more than `limit` of them. Throws `.noSuchFileOrDirectory` or
  /// `.notDirectory` where there is none.
  func content(of path: FilePath, limit: Int) throws(Errno) -> [UInt8]
  /// The names in the folder at `path`, or one more than `limit` of them. Throws `.noSuchFileOrDirectory` or `.notDirectory`
  /// where there is no such folder.
  func names(in path: FilePath, limit: Int) throws(Errno) -> [FilePath.Component]
}

/// Files that the kernel opens by their path.
public struct FilesOfPath: StoredFiles {
  /// All files.
  public init() {}

  /// Reads the file, and follows no symbolic link at its last component. Throws the kernel's error.
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
