import Logging
import ResticCore
import SystemPackage

/// The free space on the storage, for statfs(2): requested at most every few seconds. Thread-safe; a leaf lock.
final class StorageStatistics: Sendable {
  private struct State {
    var capacity: StorageCapacity?
    var askedAt: ContinuousClock.Instant?
  }

  private static let validFor: Duration = .seconds(5)
  /// The answer if the space is unknown: 1 PiB, so that nothing is refused for lack of space.
  private static let unknown = StorageCapacity(totalByteCount: 1 << 50, availableByteCount: 1 << 50)

  private let backend: any Backend
  private let logger: Logger
  private let state = Locked(State())

  /// The statistics of `backend`.
  init(backend: any Backend, logger: Logger) {
    self.backend = backend
    self.logger = logger
  }

  /// The space on the storage. On a plain thread.
  func capacity() throws(Errno) -> StorageCapacity {
    let known: StorageCapacity? = state.withLock { state in
      guard let askedAt = state.askedAt, askedAt.duration(to: .now) < Self.validFor else { return nil }
      return state.capacity
    }
    if let known { return known }
    let capacity = try logger.waiting(for: "statfs", of: Namespace.root) { [backend] in try await backend.capacity() }
    let told = capacity ?? Self.unknown
    state.withLock { $0 = State(capacity: told, askedAt: .now) }
    return told
  }
}
