import Logging
import ResticCore

/// What `restic-gitfs log` reads: a repository, which a mount may name, and the snapshots of one mount in it.
struct LogPlace: Sendable {
  /// The mount, if the command line names one.
  let mount: MountedDirectory?
  /// The mount's status, if there is a mount.
  let status: MountStatus?
  /// Where the repository is.
  let location: BackendLocation

  /// What `chosen` names.
  init(_ chosen: ChosenRepository) throws(CommandError) {
    (mount, status) = (chosen.mount?.directory, chosen.mount?.status)
    location = try chosen.location
  }

  /// The snapshots of a mount.
  struct Group: Sendable {
    /// The snapshots, the oldest first; empty if there are none.
    var snapshots: [SavedSnapshot] = []
    /// Set if the snapshots are an older state than this machine has seen.
    var rollback: Rollback?
    /// Why there are no snapshots although the repository has some; nil if the repository has none.
    var absence: String?
  }

  /// The snapshots of the mount, or of the mount that `filter` would make.
  func group(
    of repository: Repository, matching filter: SnapshotFilter, logger: Logger
  ) async throws(RepositoryError) -> Group {
    var list = try await repository.seeingNewest(of: try await repository.snapshotList()) { filter.matches($0) }
    let watch = RollbackWatch(repository: repository, acceptsRollback: false, logger: logger)
    let look = try await watch.look(at: list, matching: filter)
    list = look.list
    let shown = list.snapshots.first { $0.id.hex == status?.snapshot }
    let newest = try list.newest { filter.matches($0) }
    guard let base = shown ?? newest else {
      return Group(rollback: look.rollback, absence: filter.absence(among: list.snapshots.count))
    }
    let client = ClientIdentity.current
    let description = SnapshotDescription(
      base: base, filter: filter,
      identity: SnapshotIdentity(
        hostname: client.hostname, username: client.username, userID: client.uid, groupID: client.gid))
    return Group(snapshots: list.snapshots.filter { description.covers($0.snapshot) }, rollback: look.rollback)
  }
}
