import Glibc
import Logging
import ResticCore

/// What signals do to a process that serves a mount, or is about to: nothing that is written gets lost by one.
///
/// SIGINT and SIGTERM ask for the end: while the mount is being prepared that cancels the preparation (a second one ends
/// the process at once), from then on it commits and unmounts. SIGUSR1 commits. SIGHUP is ignored once the repository is
/// open, in the foreground too: `restic unlock` sends it to whoever holds a lock, to see whether it lives. The other signals
/// that would end the process (`ignored`) are noted in the log and do nothing, but for those of a crash, SIGQUIT among them
/// (`ProcessPrivacy`). A `DiscardSignal` drops what is not saved.
/// `handle` is called by the thread that takes signals. `phase` is a leaf lock.
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

  /// The signals that are listened to beside those of every command, and do nothing: timers', I/O's, limits', power's, and the
  /// real-time ones that are not Glibc's own.
  static let ignored: [Int32] =
    [SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGXCPU, SIGXFSZ] + Array(34...64)

  private let state = Locked(State())
  private let logger: Logger

  /// Signals for a process whose repository is open.
  init(logger: Logger) {
    self.logger = logger
  }

  /// Whether a signal has asked for the end.
  var hasBeenAskedToEnd: Bool { state.withLock { $0.endRequestCount > 0 } }

  /// From now on being asked to end calls `cancel`; if that has happened already, at once.
  func prepare(cancel: @escaping @Sendable () -> Void) {
    let isLate = state.withLock { state in
      state.phase = .preparing(cancel: cancel)
      return state.endRequestCount > 0
    }
    if isLate { cancel() }
  }

  /// From now on being asked to end goes to `service`; if that has happened already, at once.
  func serve(_ service: MountService) {
    // It has to outlive whoever reads from the storage or the kernel.
    signal(SIGPIPE, SIG_IGN)
    let isLate = state.withLock { state in
      state.phase = .serving(service)
      return state.endRequestCount > 0
    }
    if isLate { service.requestExit() }
  }

  /// Does what `signal` asks for.
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

  /// What is not saved is dropped; before the mount is there, nothing is.
  private func discard() {
    guard case .serving(let service) = state.withLock({ $0.phase }) else { return requestEnd() }
    service.giveUp()
  }

  /// Asks for the end, as SIGTERM does.
  func requestEnd() {
    let (phase, count) = state.withLock { state in
      state.endRequestCount += 1
      return (state.phase, state.endRequestCount)
    }
    switch phase {
    case .starting, .preparing:
      if count > 1 { _exit(ExitCode.interrupted.rawValue) }
      if case .preparing(let cancel) = phase { cancel() }
    case .serving(let service):
      if count > 1 { logger.warning("still saving what was changed; this ends by itself") }
      // It never ends a commit that can still succeed, however often it is asked.
      service.requestExit()
    }
  }
}
