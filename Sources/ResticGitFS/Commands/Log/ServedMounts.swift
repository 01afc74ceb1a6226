import Glibc
import Logging
import ResticCore

/// The private mounts of a command, for git. All of them end with the command, or when a signal ends it. Thread-safe.
final class ServedMounts: Sendable {
  private struct State {
    var mounts: [ServedMount] = []
    var isEnding = false
  }

  private let state = Locked(State())
  private let repository: Repository
  private let environment: Environment
  private let logger: Logger

  /// Starts without a mount. Mounts will be of `repository`, whose index is loaded.
  init(_ repository: Repository, in environment: Environment, logger: Logger) {
    self.repository = repository
    self.environment = environment
    self.logger = logger
  }

  /// Whether the end was requested.
  var isEnding: Bool { state.withLock { $0.isEnding } }

  /// The first mount, if there is one.
  var first: ServedMount? { state.withLock { $0.mounts.first } }

  /// Starts another mount. Throws once the end was requested.
  func start(_ configuration: MountConfiguration) async throws -> ServedMount {
    // The process must survive a closed pipe to the pager, the storage or the kernel. The signal listener catches the
    // SIGHUP that `restic unlock` sends.
    signal(SIGPIPE, SIG_IGN)
    let mount = try await ServedMount.start(repository, configuration, in: environment, logger: logger)
    let isEnding = state.withLock { state in
      state.mounts.append(mount)
      return state.isEnding
    }
    // A request for the end that came while the mount was being made did not include it.
    if isEnding {
      await mount.end()
      throw CommandError.silent(.interrupted)
    }
    return mount
  }

  /// Asks all mounts to end; returns at once.
  func requestEnd() {
    let mounts = state.withLock { state in
      state.isEnding = true
      return state.mounts
    }
    for mount in mounts { mount.requestEnd() }
  }

  /// Ends all mounts, the last one first, and returns when they are gone.
  func end() async {
    let mounts = state.withLock { state in
      state.isEnding = true
      return state.mounts
    }
    for mount in mounts.reversed() { await mount.end() }
  }
}
