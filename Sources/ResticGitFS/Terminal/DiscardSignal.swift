import Glibc

/// The signal that tells a serving process to give up what is not saved: SIGUSR2 with a value that kill(1) does not send.
///
/// Only a process of the same user, or root, can send a signal, and no storage and no request of the mount is needed.
enum DiscardSignal {
  /// `give` in ASCII.
  private static let value: Int32 = 0x6769_7665
  /// Source: asm-generic/siginfo.h; Swift does not import it.
  private static let sentByQueue: Int32 = -1

  /// Sends it; false with `errno` set where that fails.
  static func send(to process: Int32) -> Bool {
    sigqueue(process, SIGUSR2, sigval(sival_int: value)) == 0
  }

  /// Whether `information`, which came with signal `number`, is of this signal.
  static func matches(_ number: Int32, _ information: siginfo_t) -> Bool {
    number == SIGUSR2 && information.si_code == sentByQueue && information._sifields._rt.si_sigval.sival_int == value
  }
}
