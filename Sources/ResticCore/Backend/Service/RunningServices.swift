internal import Glibc
internal import Platform

/// The services that are running. With this process they end too, even those that ignore the end of their input.
///
/// `groups` is a leaf lock. It is held while a signal is sent, so no number belongs to another process by then.
public final class RunningServices: Sendable {
  /// Those of this process; exit(3) ends them.
  public static let ofProcess: RunningServices = {
    // Without memory for the handler, such a service stays behind.
    atexit { RunningServices.ofProcess.end() }
    return RunningServices()
  }()

  private let groups = Locked<Set<pid_t>>([])

  /// How long a service may take to end after SIGTERM. Whoever ends this process is waiting.
  private static let patience = Duration.milliseconds(500)
  /// The time between two looks whether any are left, in microseconds.
  private static let pause: UInt32 = 1000

  /// None.
  init() {}

  /// The service that leads `group` has been started.
  func insert(_ group: pid_t) {
    groups.withLock { _ = $0.insert(group) }
  }

  /// The service that leads `group` is about to be waited for: its number may belong to another process afterwards.
  func remove(_ group: pid_t) {
    groups.withLock { _ = $0.remove(group) }
  }

  /// Asks all services to end, and kills those that do not; returns when they have ended, or soon.
  public func end() {
    send(SIGTERM)
    let deadline = ContinuousClock.now.advanced(by: Self.patience)
    while groups.withLock({ !$0.isEmpty }), ContinuousClock.now < deadline { usleep(Self.pause) }
    send(SIGKILL)
  }

  private func send(_ signal: Int32) {
    groups.withLock { groups in for group in groups { kill(-group, signal) } }
  }
}
