import Dispatch
import Glibc
import SystemPackage

/// The end of a pipe whose other end a program holds for as long as it needs the mount.
///
/// When that program ends, however it ends, the kernel closes its end and this one reaches its end.
struct Lifeline: Sendable {
  private let descriptor: FileDescriptor

  /// The pipe at `descriptor`, which was inherited. It gets another number, since what was inherited is closed when the
  /// process leaves the terminal (`Readiness`), and not before: its number must not be used again until then.
  init(descriptor: Int32) throws(CommandError) {
    let copy = descriptor > 2 ? fcntl(descriptor, F_DUPFD_CLOEXEC, 3) : -1
    guard copy >= 0 else { throw CommandError("--exit-with-fd is for git-remote-restic; leave it out") }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    self.descriptor = FileDescriptor(rawValue: copy)
  }

  /// From now on the end of the other program is a SIGTERM to this one. It is waited for on a thread of its own.
  func watch() {
    let descriptor = descriptor
    DispatchQueue(label: "lifeline").async {
      var byte: UInt8 = 0
      while true {
        // A pipe that cannot be read is as good as closed.
        let count = (try? withUnsafeMutableBytes(of: &byte) { try descriptor.read(into: $0) }) ?? 0
        if count == 0 { break }
      }
      kill(getpid(), SIGTERM)
    }
  }
}
