import CLinux
import Glibc
import SystemPackage

/// A pipe to or from a program that handles a secret. Its ends are closed when it is released.
struct SecretPipe {
  /// One end.
  final class End {
    /// Its number, or -1 once it is closed.
    private(set) var descriptor: Int32

    fileprivate init(_ descriptor: Int32) {
      self.descriptor = descriptor
    }

    deinit {
      close()
    }

    /// Closes it; has no effect if it is closed. The other end sees the end.
    func close() {
      if descriptor >= 0 { Glibc.close(descriptor) }
      descriptor = -1
    }
  }

  /// The end to read from.
  let readEnd: End
  /// The end to write to.
  let writeEnd: End

  /// A pipe whose ends no other program inherits. Neither end has the number of a standard stream, even if this process
  /// was started without those: they take the child's places one after the other.
  init() throws(Errno) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Errno(rawValue: errno) }
    let opened = ends.map(End.init)
    let moved = try opened.map { end throws(Errno) in
      guard end.descriptor <= STDERR_FILENO else { return end }
      let copy = fcntl(end.descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
      guard copy >= 0 else { throw Errno(rawValue: errno) }
      return End(copy)
    }
    (readEnd, writeEnd) = (moved[0], moved[1])
  }
}
