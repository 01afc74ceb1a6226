import Logging
import ResticCore

/// Choosing the snapshot and making the tree, before anything is mounted.
///
/// **This writes no lock**, because an unchanged mount holds none afterwards either (R2): a lock would block others'
/// prunes during the opening, and costs two rounds of requests and the wait in between. Reading is correct without a
/// lock:
/// 1. Content is named by its hash. Everything that was read is what was stored, even if the file is removed meanwhile.
/// 2. The snapshots are listed before the index, so the index has everything that the snapshots need. A prune removes
///    index files before the packs that they list: the packs of an index file existed when the file was listed. So the
///    mount equals one that was opened under a lock that was released when the index was listed.
/// Source: restic, internal/repository/prune.go (Execute).
/// 3. A removed file can only be missing: a file or blob is not found, or a recently removed index file cannot be told
///    from damage. Then everything is repeated once under a lock, which costs only the lists again: everything that was
///    read is still known.
/// 4. While another client has an exclusive lock, nothing is opened without a lock; a person who waits for it is told
///    (P1).
///    Then everything is done once more under a lock, which costs no more than the lists: what was read is still known.
/// 4. While somebody has an exclusive lock nothing is opened without one; who waits for it is told (P1).
///
/// Storing needs the lock: a prune must not remove what a commit relies on. `LockKeeper` takes the lock, and loads the
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
