internal import Glibc
internal import SystemPackage

/// The foreground of the terminal, lent to a program that may have to ask a person something before it is ready.
///
/// Only threads that block SIGTTOU may use it (`PlainThread`): whoever gives the foreground away is in the background then.
public struct TerminalForeground: Sendable {
  private let terminal: FileDescriptor
  private let group: pid_t
  private let borrower: pid_t

  /// Lends it to the process group `borrower`; nil where there is no terminal, or somebody else has its foreground.
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
    // It may have been stopped when it looked at the terminal too early.
    kill(-borrower, SIGCONT)
  }

  /// Takes it back, unless somebody else has it by now. Call it once.
  public func takeBack() {
    if tcgetpgrp(terminal.rawValue) == borrower { tcsetpgrp(terminal.rawValue, group) }
    terminal.closeQuietly()
  }
}
