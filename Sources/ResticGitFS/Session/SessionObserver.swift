import FoundationEssentials
import Glibc
import SystemPackage

/// Another process's view of a session: what it is doing, whether it is over, and how it ended.
///
/// It keeps the file open, so it sees the outcome even though the file is removed before the process ends.
final class SessionObserver: Sendable {
  /// Where the file was when it was opened.
  let path: FilePath
  private let descriptor: FileDescriptor

  /// Opens the session file at `path`.
  init(path: FilePath) throws(Errno) {
    self.path = path
    descriptor = try Errno.only { try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow]) }
  }

  deinit {
    // The file was only read.
    try? descriptor.close()
  }

  /// Whether the serving process is gone. Has no effect on others: the lock is released at once.
  var isOver: Bool {
    guard flock(descriptor.rawValue, LOCK_SH | LOCK_NB) == 0 else { return false }
    flock(descriptor.rawValue, LOCK_UN)
    return true
  }

  /// Removes the file if its process is gone; returns whether it was.
  func removeIfStale() -> Bool {
    guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else { return false }
    // The process may have removed it at its end, or another process that clears up.
    _ = path.withPlatformString { unlink($0) }
    flock(descriptor.rawValue, LOCK_UN)
    return true
  }

  /// The content of the file. While the file is being rewritten, its text may be truncated or mixed: then it is read
  /// again. Nil if it stays unreadable, as the empty file of a process that died at once.
  /// stays unreadable, as an empty file of a process that died at once does.
  func record() -> SessionRecord? {
    for _ in 0..<50 {
      // After a failing read, or if the text is not a record, read again.
      if let bytes = try? FileContent.load(descriptor),
        let record = try? JSONDecoder().decode(SessionRecord.self, from: Data(bytes))
      {
        return record
      }
      usleep(1000)
    }
    return nil
  }
}
