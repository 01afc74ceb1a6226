import Logging
import ResticCore
import SystemPackage

/// Makes the kernel forget what a refresh has changed, and hand over data that programs have written.
///
/// The kernel may wait for the end of a request to the mount before it answers, so this runs on a thread of its own:
/// never on the Swift pool, which such a request may need.
final class KernelCache: Sendable {
  /// Makes the kernel of a mount drop one cache entry, and returns when that is done.
  typealias Forget = @Sendable (RefreshPlan.Invalidation) throws -> Void

  /// Asks the kernel of a mount to forget the unused ones of these inodes; returns false if the kernel does not support
  /// this.
  typealias Prune = @Sendable ([InodeNumber]) throws -> Bool

  private struct Mount {
    let forget: Forget
    let prune: Prune?
  }

  private let mount = Locked<Mount?>(nil)
  private let executor = BlockingExecutor(threadCount: 1)
  private let clock: any Clock<Duration>
  /// A separate one: forgetting may wait for a request that waits for a commit.
  private let writeBackExecutor = BlockingExecutor(threadCount: 1)
  let logger: Logger
  /// Inodes that the kernel will be asked to forget. A leaf lock.
  let pruning = Locked(Pruning())
  let pruningExecutor = BlockingExecutor(threadCount: 1)

  /// The wait before the kernel is asked again after a failure; it doubles each time, up to the longest.
  private static let firstRetry = Duration.milliseconds(100)
  private static let longestRetry = Duration.seconds(10)

  /// A cache without a mount. `clock` measures waits.
  init(clock: any Clock<Duration> = ContinuousClock(), logger: Logger) {
    self.clock = clock
    self.logger = logger
  }

  /// From now on this is the cache of the mount whose kernel `forget` speaks to; nil: of no mount.
  func attach(_ forget: Forget?, prune: Prune? = nil) {
    mount.withLock { $0 = forget.map { Mount(forget: $0, prune: prune) } }
    pruning.withLock { $0 = Pruning() }
  }

  /// Asks the mount's kernel to forget unused inodes.
  var prune: Prune? { mount.withLock { $0?.prune } }

  /// Makes the kernel hand over everything that programs have written to `inodes` so far, through descriptors and
  /// mappings, and returns when it has arrived. The kernel drops its pages of these files.
  ///
  /// The kernel may wait for a request about one of `inodes`, but not for one about the root, so a commit for an fsync
  /// of the root may call this.
  /// Source: Linux fs/fuse/inode.c, fuse_reverse_inval_inode; mm/truncate.c, invalidate_inode_pages2_range writes what
  /// is dirty.
  func writeBack(_ inodes: [InodeNumber]) async {
    guard !inodes.isEmpty, let mount = mount.withLock({ $0 }) else { return }
    await writeBackExecutor.run { [logger] in
      for inode in inodes {
        do {
          try mount.forget(.inode(inode))
        } catch {
          // The data comes with the next commit, at the latest when the file is closed.
          logger.warning("the kernel did not pass on what was written to inode \(inode): \(error)")
        }
      }
    }
  }

  /// Makes the kernel drop everything that `invalidations` name, as soon as possible, without waiting. Calls `report`
  /// with true once the kernel has done so, or if there is no kernel; before that, with false after each failure.
  ///
  /// A failure is repeated until it succeeds or the mount is gone: otherwise the kernel would use its old state for a
  /// day.
  ///
  /// A refresh may be part of an fsync of the root directory. Until that is answered, the kernel holds its lock on the
  /// directory, without which no name in it can be dropped: waiting would never end.
  func forget(_ invalidations: [RefreshPlan.Invalidation], report: @escaping @Sendable (Bool) -> Void) {
    if mount.withLock({ $0 == nil }) { return report(true) }
    Task { [executor, clock] in
      var rest = invalidations
      var retry = Self.firstRetry
      while true {
        let current = rest
        rest = await executor.run { self.failures(of: current) }
        if rest.isEmpty { break }
        report(false)
        try? await clock.sleep(for: retry)  // never cancelled
        retry = min(retry * 2, Self.longestRetry)
      }
      report(true)
    }
  }

  /// Tries all of `invalidations`, and returns the failed ones.
  private func failures(of invalidations: [RefreshPlan.Invalidation]) -> [RefreshPlan.Invalidation] {
    guard let mount = mount.withLock({ $0 }) else { return [] }
    var failures: [RefreshPlan.Invalidation] = []
    var firstError: (any Error)?
    for invalidation in invalidations {
      do {
        try mount.forget(invalidation)
      } catch {
        failures.append(invalidation)
        firstError = firstError ?? error
      }
    }
    if let firstError {
      logger.warning("the kernel does not forget \(failures.count) names and inodes yet: \(firstError)")
    }
    return failures
  }
}
