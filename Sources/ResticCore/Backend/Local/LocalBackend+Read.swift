import Glibc
import SystemPackage

/// Loading and listing; runs on the executor's threads.
extension LocalBackend {
  /// The bytes of `file` in `range`. Nothing is allocated before the file is known to be long enough, so a wrong range
  /// from a damaged index costs nothing.
  func loadNow(_ file: BackendFile, range: Range<Int>?) throws(BackendError) -> PooledBytes {
    try withOpenFile(file) { descriptor, byteCount throws(BackendError) in
      if range == nil, byteCount > file.type.wholeByteLimit { throw .tooLarge(file, byteCount: byteCount) }
      let range = range ?? 0..<byteCount
      guard range.upperBound <= byteCount else { throw .truncated(file) }
      let bytes = PooledBytes(capacity: range.count)
      do throws(Errno) {
        try bytes.append(upTo: range.count) { buffer throws(Errno) in
          try SystemCall.read(descriptor, into: buffer, at: range.lowerBound)
        }
      } catch {
        throw failure(error, on: file, "read")
      }
      guard bytes.byteCount == range.count else { throw .truncated(file) }
      return bytes
    }
  }

  /// The size of `file`, which is a plain file.
  func byteCountNow(_ file: BackendFile) throws(BackendError) -> Int {
    Int(try statusNow(file).st_size)
  }

  /// What the system says of `file`, which is a plain file.
  func statusNow(_ file: BackendFile) throws(BackendError) -> Glibc.stat {
    let status: Glibc.stat
    do throws(Errno) {
      status = try SystemCall.linkStatus(paths.path(of: file))
    } catch {
      throw failure(error, on: file, "stat")
    }
    if let kind = SystemCall.irregularKind(status) { throw .irregular(file, kind: kind) }
    return status
  }

  /// The result of `body` for `file`, open for reading, and its size. Only plain files are opened: a link may lead
  /// anywhere, a fifo would block, and opening a device may have effects.
  func withOpenFile<Success>(
    _ file: BackendFile, _ body: (_ descriptor: Int32, _ byteCount: Int) throws(BackendError) -> Success
  ) throws(BackendError) -> Success {
    _ = try byteCountNow(file)
    let descriptor: Int32
    let status: Glibc.stat
    do throws(Errno) {
      // The flags guard against an object that replaces the file meanwhile.
      descriptor = try SystemCall.open(paths.path(of: file), O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
    } catch {
      throw failure(error, on: file, "open")
    }
    // The file was only read: closing it can lose nothing.
    defer { try? SystemCall.close(descriptor) }
    do throws(Errno) {
      status = try SystemCall.status(descriptor)
    } catch {
      throw failure(error, on: file, "stat")
    }
    if let kind = SystemCall.irregularKind(status) { throw .irregular(file, kind: kind) }
    return try body(descriptor, Int(status.st_size))
  }

  /// Every file of `type`. Names that are not ids, files outside the folder their name asks for, and everything that is
  /// not a regular file are passed over.
  func listNow(_ type: BackendFileType, knowing byteCounts: [String: Int]) throws(BackendError) -> [BackendEntry] {
    var entries: [BackendEntry] = []
    entries.reserveCapacity(byteCounts.count)
    for folder in paths.folders(of: type) {
      do throws(Errno) {
        try SystemCall.forEachName(in: folder) { name, directory throws(Errno) in
          guard let file = file(of: type, named: name, in: folder) else { return }
          if let byteCount = byteCounts[file.name] {
            entries.append(BackendEntry(file: file, byteCount: byteCount))
            return
          }
          var status = Glibc.stat()
          do throws(Errno) {
            _ = try SystemCall.retrying { fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) }
          } catch .noSuchFileOrDirectory {
            return  // Removed between readdir and now.
          }
          guard SystemCall.irregularKind(status) == nil else { return }
          entries.append(BackendEntry(file: file, byteCount: Int(status.st_size)))
        }
      } catch .noSuchFileOrDirectory, .notDirectory {
        continue  // Checked below: the repository itself may be missing.
      } catch {
        throw failure(error, at: folder, "list")
      }
    }
    if entries.isEmpty && !rootExists() {
      throw failure(.noSuchFileOrDirectory, at: paths.root, "list")
    }
    return entries
  }

  private func file(of type: BackendFileType, named name: UnsafePointer<CChar>, in folder: FilePath) -> BackendFile? {
    if type == .config {
      return strcmp(name, paths.name(of: .config)) == 0 ? .config : nil
    }
    guard strlen(name) == 64, let file = BackendFile(type: type, name: String(cString: name)) else { return nil }
    // Only packs have several folders.
    return type != .data || paths.folder(of: file) == folder ? file : nil
  }
}
