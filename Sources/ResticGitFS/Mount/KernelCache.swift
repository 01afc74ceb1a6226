import FuseBridge
import Logging
import ResticCore
import SystemPackage

/// Makes the kernel forget what a refresh changed behind its back.
///
/// The kernel may wait for a request of the mount to end before it answers, so this runs on a thread of its own: never on
/// the Swift pool, which such a request may need.
final class KernelCache: Sendable {
  private let notifier = Locked<FuseNotifier?>(nil)
  private let executor = BlockingExecutor(threadCount: 1)
  private let logger: Logger

  /// A cache of no mount yet.
  init(logger: Logger) {
    self.logger = logger
  }

  /// From now on it is the cache of the mount that `notifier` belongs to; nil: of none.
  func attach(_ notifier: FuseNotifier?) {
    self.notifier.withLock { $0 = notifier }
  }

  /// Returns when the kernel has forgotten everything that `invalidations` name.
  func forget(_ invalidations: [RefreshPlan.Invalidation]) async {
    guard let notifier = notifier.withLock({ $0 }) else { return }
    await executor.run { [logger] in
      for invalidation in invalidations {
        do {
          for name in invalidation.names { try notifier.invalidateEntry(name.bytes, in: invalidation.directory) }
          try notifier.invalidateInode(invalidation.directory)
        } catch {
          // The kernel goes on with what it knows until its timeouts: old, but not wrong.
          logger.warning("the kernel does not forget inode \(invalidation.directory): \(error)")
        }
      }
    }
  }
}
