import FoundationEssentials
import Glibc
import ResticCore
import SystemPackage

/// The serving process's side of its session file: the file says what the process is doing, and its lock shows that the
/// process lives.
///
/// Invariants:
/// 1. The file is locked (flock, exclusive) from before it has content until the process is gone: a file whose lock is
///    free belongs to nobody and may be removed.
/// 2. Only the lock's owner writes. It rewrites in place, so that a reader who opened the file before it was removed
///    still sees how the session ended.
/// 3. At the end the outcome is written, then the file is removed, then the process ends: a process that waits for the
///    lock finds the outcome.
///
/// Safe from any thread. Lock order: `state` is held while writing, and no other lock is taken meanwhile.
final class SessionFile: Sendable {
  /// Where it is.
  let path: FilePath
  private let descriptor: FileDescriptor
  private let state: Locked<SessionRecord>

  /// A new, locked session file at `path` with `record`. Folders above it must exist.
  init(path: FilePath, record: SessionRecord) throws(Errno) {
    self.path = path
    descriptor = try Self.openLocked(path)
    state = Locked(record)
    try update { _ in }
  }

  deinit {
    // A failing close needs no reaction: the lock ends with the process at the latest.
    try? descriptor.close()
  }

  /// Changes the record and writes it. Does nothing once the session has ended.
  func update(_ change: (inout SessionRecord) -> Void) throws(Errno) {
    let failure: Errno? = state.withLock { record in
      guard record.state != .ended else { return nil }
      change(&record)
      do throws(Errno) {
        try Self.write(record, to: descriptor)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  /// Writes how the session ended and removes the file; the lock stays until the process ends.
  func end(_ outcome: MountOutcome) throws(Errno) {
    try update { record in
      record.state = .ended
      record.progress = nil
      record.waiting = nil
      record.outcome = outcome
    }
    guard path.withPlatformString({ unlink($0) }) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Creates the file and locks it. Another process that clears stale files may remove the file before it is locked:
  /// the locked file then has no name any more, and is created again.
  private static func openLocked(_ path: FilePath) throws(Errno) -> FileDescriptor {
    while true {
      let descriptor = try Errno.only {
        try FileDescriptor.open(
          path, .readWrite, options: [.create, .closeOnExec, .noFollow], permissions: [.ownerReadWrite])
      }
      guard flock(descriptor.rawValue, LOCK_EX) == 0 else {
        let error = Errno(rawValue: errno)
        try Errno.only { try descriptor.close() }
        throw error
      }
      var attributes = stat()
      if fstat(descriptor.rawValue, &attributes) == 0, attributes.st_nlink > 0 { return descriptor }
      try Errno.only { try descriptor.close() }
    }
  }

  private static func write(_ record: SessionRecord, to descriptor: FileDescriptor) throws(Errno) {
    let bytes: [UInt8]
    do {
      bytes = Array(try JSONEncoder().encode(record)) + [UInt8(ascii: "\n")]
    } catch {
      preconditionFailure("a session record has only values that JSON can hold: \(error)")
    }
    try Errno.only {
      try descriptor.writeAll(toAbsoluteOffset: 0, bytes)
      try descriptor.resize(to: Int64(bytes.count))
    }
  }
}
