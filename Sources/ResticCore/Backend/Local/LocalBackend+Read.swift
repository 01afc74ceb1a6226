import Glibc
import SystemPackage

/// Loading and listing; runs on the executor's threads.
extension LocalBackend {
  /// The bytes of `file` in `range`. Nothing is allocated before the file is known to be long enough, so a range out of
  /// a damaged index costs nothing.
  func loadNow(_ file: BackendFile, range: Range<Int>?) throws(BackendError) -> PooledBytes {
    let path = paths.path(of: file)
    do throws(Errno) {
      // O_NONBLOCK: a fifo of that name must not stop us.
      let descriptor = try SystemCall.open(path, O_RDONLY | O_NONBLOCK)
      // Only read from: closing it can lose nothing.
      defer { try? SystemCall.close(descriptor) }

      let byteCount = Int(try SystemCall.status(descriptor).st_size)
      let range = range ?? 0..<byteCount
      guard range.upperBound <= byteCount else { throw Self.endOfFile }
      return try Self.readBytes(descriptor, range)
    } catch {
      throw error == Self.endOfFile ? .truncated(file) : failure(error, on: file, "read")
    }
  }

  /// Every file of `type`. Names that are not ids, files outside the folder their name asks for, and everything that is
  /// not a regular file are passed over.
  func listNow(_ type: BackendFileType) throws(BackendError) -> [BackendEntry] {
    var entries: [BackendEntry] = []
    for folder in paths.folders(of: type) {
      do throws(Errno) {
        try SystemCall.forEachName(in: folder) { name, directory throws(Errno) in
          guard let file = file(of: type, named: name, in: folder) else { return }
          var status = Glibc.stat()
          do throws(Errno) {
            _ = try SystemCall.retrying { fstatat(directory, name, &status, 0) }
          } catch .noSuchFileOrDirectory {
            return  // Removed between readdir and now.
          }
          guard status.st_mode & S_IFMT == S_IFREG else { return }
          entries.append(BackendEntry(file: file, byteCount: Int(status.st_size)))
        }
      } catch .noSuchFileOrDirectory, .notDirectory {
        continue  // Whether it is the repository that is missing is looked at below.
      } catch {
        throw failure(error, at: folder, "list")
      }
    }
    if entries.isEmpty && !rootExists() {
      throw failure(.noSuchFileOrDirectory, at: paths.root, "list")
    }
    return entries
  }

  /// What ends a read early here; no system call of ours answers with it.
  private static var endOfFile: Errno { .noData }

  private static func readBytes(_ descriptor: Int32, _ range: Range<Int>) throws(Errno) -> PooledBytes {
    let bytes = PooledBytes(capacity: range.count)
    try bytes.append(upTo: range.count) { buffer throws(Errno) in
      try SystemCall.read(descriptor, into: buffer, at: range.lowerBound)
    }
    guard bytes.byteCount == range.count else { throw endOfFile }
    return bytes
  }

  private func file(of type: BackendFileType, named name: UnsafePointer<CChar>, in folder: FilePath) -> BackendFile? {
    if type == .config {
      return strcmp(name, paths.name(of: .config)) == 0 ? .config : nil
    }
    guard strlen(name) == 64, let file = BackendFile(type: type, name: String(cString: name)) else { return nil }
    return paths.folder(of: file) == folder ? file : nil
  }
}
