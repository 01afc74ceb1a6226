import Logging
import ResticCore
import SystemPackage

/// What `restic-gitfs log` reads: a repository, which a mount may name, and the snapshots of one mount in it.
struct LogPlace: Sendable {
  /// The mount, if the command line names one.
  let mount: MountedDirectory?
  /// The mount's status, if there is a mount.
  let status: MountStatus?
  /// Where the repository is.
  let location: BackendLocation

  /// The repository that the options name, or that of the mount at `path`.
  init(_ options: RepositoryOptions, mountpoint path: String?, _ environment: Environment) throws(CommandError) {
    guard let path else {
      (mount, status, location) = (nil, nil, try options.location(environment))
      return
    }
    let mount = try MountedDirectory.find(path, in: try Self.table())
    let status = try mount.status()
    (self.mount, self.status) = (mount, status)
    if options.repository != nil || options.repositoryFile != nil {
      location = try options.location(environment)
      return
    }
    // The environment may name the same repository with a user and a password, which a mount does not tell.
    if let named = try? options.location(environment), named.description == status.repository {
      location = named
      return
    }
    var options = options
    options.repository = status.repository
    location = try options.location(environment.withoutRepository)
  }

  /// Whether `path` is a mount of this program.
  static func isMount(_ path: String) -> Bool {
    // Without the mount table no mount can be found. The word then counts as a ref, like every word that is not a
    // mount.
    guard let table = try? table() else { return false }
    return (try? MountedDirectory.find(path, in: table)) != nil
  }

  private static func table() throws(CommandError) -> MountTable {
    do {
      return try MountTable.load()
    } catch {
      throw CommandError("the mount table cannot be read: \(error); is /proc mounted?")
    }
  }

  /// The snapshots of a mount.
  struct Group: Sendable {
    /// The snapshots, the oldest first; empty if there are none.
    var snapshots: [SavedSnapshot] = []
    /// Set if the snapshots are an older state than this machine has seen.
    var rollback: Rollback?
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
    guard let base = shown ?? newest else { return Group(rollback: look.rollback) }
    let client = ClientIdentity.current
    let description = SnapshotDescription(
      base: base, filter: filter,
      identity: SnapshotIdentity(
        hostname: client.hostname, username: client.username, userID: client.uid, groupID: client.gid))
    return Group(snapshots: list.snapshots.filter { description.covers($0.snapshot) }, rollback: look.rollback)
  }
}
