import Dispatch
import Glibc
import SystemPackage

/// One end of a pipe whose other end a program holds as long as it needs the mount.
///
/// When that program ends, in whatever way, the kernel closes its end, and this end is at its end too.
struct Lifeline: Sendable {
  private let descriptor: FileDescriptor

  /// The inherited pipe at `descriptor`. It gets another number, because inherited descriptors are closed when the
  /// process leaves the terminal (`Readiness`), but not before: the old number must not be reused until then.
  init(descriptor: Int32) throws(CommandError) {
    let copy = descriptor > 2 ? fcntl(descriptor, F_DUPFD_CLOEXEC, 3) : -1
    guard copy >= 0 else { throw CommandError("--exit-with-fd is for git-remote-restic; leave it out") }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    self.descriptor = FileDescriptor(rawValue: copy)
  }

  /// From now on, the end of the other program sends a SIGTERM to this one. A thread of its own waits for it.
  func watch() {
    let descriptor = descriptor
    DispatchQueue(label: "lifeline").async {
      var byte: UInt8 = 0
      while true {
        // An unreadable pipe counts as closed.
        let count = (try? withUnsafeMutableBytes(of: &byte) { try descriptor.read(into: $0) }) ?? 0
        if count == 0 { break }
      }
      kill(getpid(), SIGTERM)
    }
  }
}
