internal import Glibc
internal import SystemPackage

/// The foreground of the terminal, lent to a program that may have to ask a person something before it is ready.
///
/// Only threads that block SIGTTOU may use this (`PlainThread`): a process that gives the foreground away is in the
/// background afterwards.
public struct TerminalForeground: Sendable {
  private let terminal: FileDescriptor
  private let group: pid_t
  private let borrower: pid_t

  /// Lends the foreground to the process group `borrower`; nil if there is no terminal, or another process group has
  /// its foreground.
  public init?(lentTo borrower: Int32) {
    let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { return nil }
    terminal = FileDescriptor(rawValue: descriptor)
    group = getpgrp()
    self.borrower = borrower
    guard tcgetpgrp(descriptor) == group, tcsetpgrp(descriptor, borrower) == 0 else {
      terminal.closeQuietly()
      return nil
    }
    // The borrower may have been stopped because it used the terminal too early.
    kill(-borrower, SIGCONT)
  }

  /// Takes the foreground back, unless another process group has it now. Call it once.
  public func takeBack() {
    if tcgetpgrp(terminal.rawValue) == borrower { tcsetpgrp(terminal.rawValue, group) }
    terminal.closeQuietly()
  }
}
