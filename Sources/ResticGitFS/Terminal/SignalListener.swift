import Glibc
import ResticCore

/// Receives SIGINT, SIGTERM, SIGHUP and SIGUSR1, and others on request, on one thread, so that handling them is
/// ordinary code.
///
/// The signals are blocked before any other thread starts, and threads inherit that. Child processes inherit it too:
/// those that should end on Ctrl-C must be started with an empty mask. Some threads of libraries unblock signals, so
/// each signal has a handler, which may run on any thread and puts the signal into a pipe.
final class SignalListener: Sendable {
  /// A signal that arrived.
  struct Signal: Hashable, Sendable {
    /// SIGINT, SIGTERM, SIGHUP, SIGUSR1, or another signal that was requested.
    let number: Int32
    /// Whether it comes from the terminal (Ctrl-C), which sends it to every foreground process, rather than from
    /// `kill`, which may have meant only this one.
    let isFromTerminal: Bool
    /// Whether it is the signal to give up unsaved changes (`DiscardSignal`).
    var isDiscard = false
  }

  /// Handles a signal. Runs on the listening thread, one signal at a time.
  typealias Handler = @Sendable (Signal) -> Void

  /// SI_KERNEL, which Swift does not import: the kernel sent the signal itself.
  private static let sentByKernel: Int32 = 0x80
  /// Set in the pipe's byte of a signal from the terminal; the rest is the signal's number.
  private static let terminalBit: UInt8 = 0x80
  /// The pipe's byte for a `DiscardSignal`; no signal has this number.
  private static let discardByte: UInt8 = 0x7F
  /// Where the signal handler writes. Set once, before there is a handler.
  nonisolated(unsafe) private static var pipeEnd: Int32 = -1

  /// In a struct, because a closure that is a lock's state itself is wrapped once more by every access.
  private struct State {
    var handler: Handler
  }

  private let state: Locked<State>

  /// A listener that calls `handler` once it listens.
  init(_ handler: @escaping Handler) {
    state = Locked(State(handler: handler))
  }

  /// From now on, signals call `handler`.
  func onSignal(_ handler: @escaping Handler) {
    state.withLock { $0.handler = handler }
  }

  /// From now on, `signals` call the handler too, instead of their default action.
  func listen(to signals: [Int32]) {
    for number in signals { Self.catchSignal(number) }
  }

  /// Calls `start`, which may start threads, with the signals blocked, and then takes signals for ever. Call it once,
  /// on the first thread, before there is another. Exits with 1 if the system has no pipe left.
  func listen(start: () -> Void) -> Never {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      perror("restic-gitfs: no pipe for signals")
      exit(ExitCode.failure.rawValue)
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    // A handler must never wait: if thousands are unread, the next signal is dropped.
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    Self.pipeEnd = ends[1]

    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] {
      sigaddset(&signals, number)
      Self.catchSignal(number)
    }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    start()
    // Unblocks signals that the parent process blocked: no other thread here takes them.
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
    while true {
      var byte: UInt8 = 0
      guard read(ends[0], &byte, 1) == 1 else { continue }
      let signal =
        byte == Self.discardByte
        ? Signal(number: SIGUSR2, isFromTerminal: false, isDiscard: true)
        : Signal(number: Int32(byte & ~Self.terminalBit), isFromTerminal: byte & Self.terminalBit != 0)
      // Called without the lock: a handler may set another one.
      let handler = state.withLock { $0.handler }
      handler(signal)
    }
  }

  /// From now on, signal `number` goes to the pipe.
  private static func catchSignal(_ number: Int32) {
    var action = sigaction()
    action.sa_flags = SA_SIGINFO | SA_RESTART
    action.__sigaction_handler.sa_sigaction = { number, information, _ in
      let before = errno
      let isFromTerminal = information?.pointee.si_code == SignalListener.sentByKernel
      var byte = UInt8(truncatingIfNeeded: number) | (isFromTerminal ? SignalListener.terminalBit : 0)
      if let information, DiscardSignal.matches(number, information.pointee) { byte = SignalListener.discardByte }
      _ = write(SignalListener.pipeEnd, &byte, 1)
      errno = before
    }
    sigaction(number, &action, nil)
  }
}
