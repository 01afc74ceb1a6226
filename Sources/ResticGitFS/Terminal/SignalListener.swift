import Glibc
import ResticCore

/// Receives SIGINT, SIGTERM, SIGHUP and SIGUSR1 on one thread, so that what they cause is ordinary code.
///
/// The signals are blocked before any other thread starts, and threads inherit that. Child processes inherit it too:
/// those that should end on Ctrl-C must be started with an empty mask.
final class SignalListener: Sendable {
  /// A signal that arrived.
  struct Signal: Hashable, Sendable {
    /// SIGINT, SIGTERM, SIGHUP or SIGUSR1.
    let number: Int32
    /// Whether it comes from the terminal (Ctrl-C), which sends it to every process in the foreground, and not from
    /// `kill`, which may have meant this one only.
    let isFromTerminal: Bool
  }

  /// What happens on a signal. Runs on the listening thread, one signal at a time.
  typealias Handler = @Sendable (Signal) -> Void

  /// SI_KERNEL, which Swift does not import: the kernel sent it by itself.
  private static let sentByKernel: Int32 = 0x80

  /// In a struct, since a closure that is a lock's state itself is wrapped once more by every access.
  private struct State {
    var handler: Handler
  }

  private let state: Locked<State>

  /// A listener that answers with `handler`, once it listens.
  init(_ handler: @escaping Handler) {
    state = Locked(State(handler: handler))
  }

  /// From now on signals cause `handler`.
  func onSignal(_ handler: @escaping Handler) {
    state.withLock { $0.handler = handler }
  }

  /// Blocks the signals, calls `start`, which may start threads, and takes signals for ever. Call it on the first thread,
  /// before there is another.
  func listen(start: () -> Void) -> Never {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    start()
    while true {
      var information = siginfo_t()
      let number = sigwaitinfo(&signals, &information)
      guard number > 0 else { continue }
      let signal = Signal(number: number, isFromTerminal: information.si_code == Self.sentByKernel)
      // Called without the lock: a handler may set another one.
      let handler = state.withLock { $0.handler }
      handler(signal)
    }
  }
}
