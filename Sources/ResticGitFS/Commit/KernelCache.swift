import Logging
import ResticCore
import SystemPackage

/// Makes the kernel forget what a refresh changed behind its back, and hand on what it was given to write.
///
/// The kernel may wait for a request of the mount to end before it answers, so this runs on a thread of its own: never on
/// the Swift pool, which such a request may need.
final class KernelCache: Sendable {
  /// Makes the kernel of a mount forget one thing, and returns when it has.
  typealias Forget = @Sendable (RefreshPlan.Invalidation) throws -> Void

  /// Asks the kernel of a mount to forget what it does not use of these inodes; false if it can't be asked.
  typealias Prune = @Sendable ([InodeNumber]) throws -> Bool

  private struct Mount {
    let forget: Forget
    let prune: Prune?
  }

  private let mount = Locked<Mount?>(nil)
  private let executor = BlockingExecutor(threadCount: 1)
  private let clock: any Clock<Duration>
  /// Not the same one: what is forgotten may wait for a request that waits for a commit.
  private let writeBackExecutor = BlockingExecutor(threadCount: 1)
  let logger: Logger
  /// The inodes that the kernel is to be asked to forget. A leaf lock.
  let pruning = Locked(Pruning())
  let pruningExecutor = BlockingExecutor(threadCount: 1)

  /// How long to wait before what the kernel did not forget is tried again; twice as long each time, up to the longest.
  private static let firstRetry = Duration.milliseconds(100)
  private static let longestRetry = Duration.seconds(10)

  /// A cache of no mount yet. `clock` is what it waits by.
  init(clock: any Clock<Duration> = ContinuousClock(), logger: Logger) {
    self.clock = clock
    self.logger = logger
  }

  /// From now on it is the cache of the mount whose kernel `forget` speaks to; nil: of none.
  func attach(_ forget: Forget?, prune: Prune? = nil) {
    mount.withLock { $0 = forget.map { Mount(forget: $0, prune: prune) } }
    pruning.withLock { $0 = Pruning() }
  }

  /// How the mount's kernel is asked to forget what it does not use.
  var prune: Prune? { mount.withLock { $0?.prune } }

  /// Has the kernel hand on what programs have written to `inodes` so far, through descriptors and mappings, and returns
  /// when it is here. Its pages of these files go with it.
  ///
  /// It may wait for a request about one of `inodes`, but not for one about the root, so a commit that an fsync of the
  /// root asks for may call it. Source: Linux fs/fuse/inode.c, fuse_reverse_inval_inode; mm/truncate.c,
  /// invalidate_inode_pages2_range writes what is dirty.
  func writeBack(_ inodes: [InodeNumber]) async {
    guard !inodes.isEmpty, let mount = mount.withLock({ $0 }) else { return }
    await writeBackExecutor.run { [logger] in
      for inode in inodes {
        do {
          try mount.forget(.inode(inode))
        } catch {
          // It comes with the next commit, at the latest when the file is closed.
          logger.warning("the kernel did not pass on what was written to inode \(inode): \(error)")
        }
      }
    }
  }

  /// Makes the kernel forget everything that `invalidations` name, as soon as it can; doesn't wait for it. Calls `report`
  /// with true once the kernel has, or there is none, and before that with false whenever it has not.
  ///
  /// What fails is tried again until it succeeds or the mount is gone: the kernel would go on with what it knew, for a day.
  ///
  /// What asks for a refresh may be an fsync of the root directory. Until that is answered it holds the kernel's lock on
  /// the directory, without which no name in it can be forgotten: whoever waited would wait for ever.
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
        try? await clock.sleep(for: retry)  // it is not cancelled
        retry = min(retry * 2, Self.longestRetry)
      }
      report(true)
    }
  }

  /// Tries all of `invalidations`, and returns those that the kernel did not do.
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
