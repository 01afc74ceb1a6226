import Glibc
import Logging
import ResticCore

/// The private mounts of a command, for git. All of them go with it, and with a signal that ends it. Thread-safe.
final class ServedMounts: Sendable {
  private struct State {
    var mounts: [ServedMount] = []
    var isEnding = false
  }

  private let state = Locked(State())
  private let repository: Repository
  private let environment: Environment
  private let logger: Logger

  /// No mount yet; those that come are of `repository`, whose index is loaded.
  init(_ repository: Repository, in environment: Environment, logger: Logger) {
    self.repository = repository
    self.environment = environment
    self.logger = logger
  }

  /// Whether somebody has asked for the end.
  var isEnding: Bool { state.withLock { $0.isEnding } }

  /// The first one, if there is one.
  var first: ServedMount? { state.withLock { $0.mounts.first } }

  /// One more mount. Throws once the end was asked for.
  func start(_ configuration: MountConfiguration) async throws -> ServedMount {
    // It has to outlive whoever reads from the storage or the kernel, and `restic unlock`.
    signal(SIGPIPE, SIG_IGN)
    let mount = try await ServedMount.start(repository, configuration, in: environment, logger: logger)
    let isEnding = state.withLock { state in
      state.mounts.append(mount)
      return state.isEnding
    }
    // Who asked for the end while the mount was made did not know of it.
    if isEnding {
      await mount.end()
      throw CommandError.silent(.interrupted)
    }
    return mount
  }

  /// Has all of them end; returns at once.
  func requestEnd() {
    let mounts = state.withLock { state in
      state.isEnding = true
      return state.mounts
    }
    for mount in mounts { mount.requestEnd() }
  }

  /// Ends all of them, the last one first, and returns when nothing of them is left.
  func end() async {
    let mounts = state.withLock { state in
      state.isEnding = true
      return state.mounts
    }
    for mount in mounts.reversed() { await mount.end() }
  }
}
