import Glibc

/// The signal that tells a serving process to give up unsaved changes: SIGUSR2 with a value that kill(1) does not send.
///
/// Only a process of the same user, or root, can send a signal, and it needs neither the storage nor a request to the
/// mount.
enum DiscardSignal {
  /// `give` in ASCII.
  private static let value: Int32 = 0x6769_7665
  /// Source: asm-generic/siginfo.h; Swift does not import it.
  private static let sentByQueue: Int32 = -1

  /// Sends it; returns false with `errno` set if that fails.
  static func send(to process: Int32) -> Bool {
    sigqueue(process, SIGUSR2, sigval(sival_int: value)) == 0
  }

  /// Whether `information` about signal `number` is this signal's.
  static func matches(_ number: Int32, _ information: siginfo_t) -> Bool {
    number == SIGUSR2 && information.si_code == sentByQueue && information._sifields._rt.si_sigval.sival_int == value
  }
}
