import Glibc
import Logging
import Platform
import ResticCore

/// The effect of signals on a process that serves a mount, or is about to: no signal loses written data.
///
/// SIGINT and SIGTERM request the end: while the mount is being prepared they cancel the preparation (a second one ends
/// the process at once), later they commit and unmount. SIGUSR1 commits. SIGHUP is ignored once the repository is open,
/// in the foreground too: `restic unlock` sends it to lock holders, to see whether they live. Other signals that would
/// end the process (`ignored`) are logged and do nothing, except those of a crash, including SIGQUIT
/// (`ProcessPrivacy`). A `DiscardSignal` drops unsaved changes. The thread that takes signals calls `handle`. `phase`
/// is a leaf lock.
final class ServingSignals: Sendable {
  private enum Phase {
    /// The repository is open.
    case starting
    /// Calling it cancels the preparation.
    case preparing(cancel: @Sendable () -> Void)
    /// The mount is there.
    case serving(MountService)
  }

  private struct State {
    var phase = Phase.starting
    var endRequestCount = 0
  }

  /// Signals that are caught in addition to those of every command, and do nothing: those of timers, I/O, limits and
  /// power, and the real-time signals that are not Glibc's own.
  static let ignored: [Int32] =
    [SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGXCPU, SIGXFSZ] + Array(34...64)

  private let state = Locked(State())
  private let logger: Logger

  /// Signals for a process whose repository is open.
  init(logger: Logger) {
    self.logger = logger
  }

  /// Whether a signal has requested the end.
  var hasBeenAskedToEnd: Bool { state.withLock { $0.endRequestCount > 0 } }

  /// From now on, a request to end calls `cancel`; at once if there was one already.
  func prepare(cancel: @escaping @Sendable () -> Void) {
    let isLate = state.withLock { state in
      state.phase = .preparing(cancel: cancel)
      return state.endRequestCount > 0
    }
    if isLate { cancel() }
  }

  /// From now on, a request to end goes to `service`; at once if there was one already.
  func serve(_ service: MountService) {
    // The process must survive a closed connection to the storage or the kernel.
    signal(SIGPIPE, SIG_IGN)
    let isLate = state.withLock { state in
      state.phase = .serving(service)
      return state.endRequestCount > 0
    }
    if isLate { service.requestExit() }
  }

  /// Handles `signal`.
  func handle(_ signal: SignalListener.Signal) {
    if signal.isDiscard { return discard() }
    switch signal.number {
    case SIGUSR1:
      if case .serving(let service) = state.withLock({ $0.phase }) { service.requestCommit() }
    case SIGHUP:
      break
    case let number where Self.ignored.contains(number):
      logger.info("signal \(number) means nothing to a mount and is ignored")
    default:
      requestEnd()
    }
  }

  /// Drops unsaved changes; before the mount is there, does nothing.
  private func discard() {
    guard case .serving(let service) = state.withLock({ $0.phase }) else { return requestEnd() }
    service.giveUp()
  }

  /// Requests the end, as SIGTERM does.
  func requestEnd() {
    let (phase, count) = state.withLock { state in
      state.endRequestCount += 1
      return (state.phase, state.endRequestCount)
    }
    switch phase {
    case .starting, .preparing:
      if count > 1 { RunningChildren.leave(ExitCode.interrupted.rawValue) }
      if case .preparing(let cancel) = phase { cancel() }
    case .serving(let service):
      if count > 1 { logger.warning("still saving what was changed; this ends by itself") }
      // This never ends a commit that can still succeed, however often it is called.
      service.requestExit()
    }
  }
}
