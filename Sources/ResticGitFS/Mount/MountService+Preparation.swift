import Logging
import ResticCore

/// Choosing the snapshot and making the tree, before anything is mounted.
///
/// **No lock is written for that**, since a mount without changes holds none afterwards either (R2): a lock would keep others from
/// pruning for the moment of the opening, and costs two rounds of requests and the wait in between. What is read is right
/// without one:
/// 1. Content is named by its hash. Whatever was read is what was stored, whoever removes the file meanwhile.
/// 2. The snapshots are listed before the index, so that the index names all that the snapshots hold. A prune removes index
///    files before the packs that they name: what an index file names was there when the file was listed. So the mount is
///    as one that was opened under a lock, and gave back the lock, at the moment at which the index was listed.
///    Source: restic, internal/repository/prune.go (Execute).
/// 3. What is gone can only be missed: a file or blob is not found, or a lately removed index file cannot be told from damage.
///    Then everything is done once more under a lock, which costs no more than the lists: what was read is still known.
/// 4. While somebody has an exclusive lock nothing is opened without one; who waits for it is told (P1).
///
/// Whoever stores something needs the lock: a prune must not take what a commit relies on. `LockKeeper` takes it, and loads the
/// index under it, before anything is stored.
extension MountService {
  /// Chooses the snapshot and makes the tree. Where the lock is needed (see above), a read-only mount does without where none
  /// can be written, as on a read-only disk.
  static func prepare(
    repository: Repository, configuration: MountConfiguration, logger: Logger
  ) async throws -> MountService {
    var configuration = configuration
    if configuration.selection.followed == nil { configuration.isReadOnly = true }
    let keeper = LockKeeper(repository: repository, retryFor: configuration.retryLock, logger: logger)
    // A program that mounts to write is about to do so. Whoever stores something waits for the lock, and hears of failures.
    let isKept = configuration.isForOneProgram && !configuration.isReadOnly
    if isKept { await keeper.begin() }
    do {
      let mounted = try await tree(of: repository, configuration, keeper, logger: logger)
      let service = MountService(
        repository: repository, configuration: configuration, mounted: mounted, lockKeeper: keeper, logger: logger)
      repository.endOpening()
      if !isKept { await keeper.releaseUnlessNeeded() }
      return service
    } catch {
      await keeper.end()
      throw error
    }
  }

  private static func tree(
    of repository: Repository, _ configuration: MountConfiguration, _ keeper: LockKeeper, logger: Logger
  ) async throws -> MountedTree {
    guard configuration.takesLock else { return try await MountedTree.open(repository, configuration, logger: logger) }
    async let isFree = RepositoryLock.isFree(on: repository)
    let opened = await Result(awaiting: { try await MountedTree.open(repository, configuration, logger: logger) })
    if case .failure(let error) = opened, !mayBePruned(error) { throw error }
    do {
      if try await isFree, case .success(let mounted) = opened { return mounted }
      _ = try await withTaskCancellationHandler {
        try await keeper.acquire()
      } onCancel: {
        Task { await keeper.cancel() }
      }
    } catch RepositoryError.backend(.denied(let message)) where configuration.isReadOnly {
      logger.info("mounting without a lock: \(message)")
    }
    return try await MountedTree.open(repository, configuration, logger: logger)
  }

  /// Whether somebody who removes what is stored may be the reason for `error`.
  private static func mayBePruned(_ error: any Error) -> Bool {
    switch error as? RepositoryError {
    case .backend(.notFound), .missingBlob, .damaged: true
    default: false
    }
  }
}
