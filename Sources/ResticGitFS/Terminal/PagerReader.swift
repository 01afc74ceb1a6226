import Glibc
import Platform
import ResticCore
import SystemPackage

/// The program in which a person reads a command's output, and the pipe to it.
///
/// It reads from the terminal that the shell reads from as well, so this process must not end before it: Ctrl-C is for the reader,
/// which shows what it has. Thread-safe; `input` is a leaf lock.
final class PagerReader: Sendable {
  private let processID: pid_t
  /// Nil once the output is over.
  private let input: Locked<FileDescriptor?>

  /// The process `processID`, which reads from the other end of `input`.
  init(_ processID: pid_t, input: FileDescriptor) {
    self.processID = processID
    self.input = Locked(input)
  }

  /// Writes `bytes`; blocks while the reader has not come to them. False once it has left.
  func write(_ bytes: [UInt8]) -> Bool {
    // The descriptor stays open until `waitForEnd`, which the same task calls; what a signal puts in its place takes everything.
    guard let descriptor = input.withLock({ $0 }) else { return false }
    do {
      try descriptor.writeAll(bytes)
      return true
    } catch {
      return false
    }
  }

  /// From now on whatever is written goes nowhere: for the reader the output is over.
  func cutOff() {
    input.withLock { input in
      guard let input else { return }
      let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
      guard nowhere >= 0 else { return }
      // The number stays taken: a thread may be writing to it.
      _ = dup2(nowhere, input.rawValue)
      _ = fcntl(input.rawValue, F_SETFD, FD_CLOEXEC)
      close(nowhere)
    }
  }

  /// Ends the output, and returns when the reader has ended. The process is still there to be waited for.
  func waitForEnd() {
    let descriptor = input.withLock { input in
      defer { input = nil }
      return input
    }
    descriptor?.closeQuietly()
    waitWithoutTaking()
  }

  /// Returns when the reader has ended, which another thread takes note of.
  func waitWithoutTaking() {
    var information = siginfo_t()
    while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
  }
}
