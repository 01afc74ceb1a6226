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

  /// Makes the kernel forget everything that `invalidations` name, as soon as it can; doesn't wait for it. Calls `done` when
  /// it has, or there is none, and says whether it did.
  ///
  /// What asks for a refresh may be an fsync of the root directory. Until that is answered it holds the kernel's lock on
  /// the directory, without which no name in it can be forgotten: whoever waited would wait for ever.
  func forget(_ invalidations: [RefreshPlan.Invalidation], done: @escaping @Sendable (Bool) -> Void) {
    guard let notifier = notifier.withLock({ $0 }) else { return done(true) }
    Task { [executor, logger] in
      await executor.run {
        var hasForgotten = true
        for invalidation in invalidations {
          do {
            for name in invalidation.names { try notifier.invalidateEntry(name.bytes, in: invalidation.directory) }
            try notifier.invalidateInode(invalidation.directory)
          } catch {
            // The kernel goes on with what it knows until its timeouts: old, but not wrong.
            hasForgotten = false
            logger.warning("the kernel does not forget inode \(invalidation.directory): \(error)")
          }
        }
        done(hasForgotten)
      }
    }
  }
}
