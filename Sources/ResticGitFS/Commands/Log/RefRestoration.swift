import Glibc
import Logging
import ResticCore
import SystemPackage

/// Restores the value that a ref had in an old snapshot: mounts that snapshot read-only, lets git fetch from it into
/// the newest state, creates a new ref, and saves. So objects that a gc has removed since are restored with the ref.
struct RefRestoration: Sendable {
  let repository: Repository
  /// Where the newest state is mounted, if it is mounted.
  let place: LogPlace
  /// Selects the snapshots of the newest state if it is not mounted.
  let filter: SnapshotFilter
  let retryLock: Duration
  let logger: Logger
  let context: CommandContext

  /// What was restored.
  struct Result: Encodable {
    let ref: String
    let snapshot: String
    let restored: String
    let id: String
    /// The snapshot that holds the restored ref.
    let saved: String?

    var json: String { JSONText.line(self) }

    var text: String { "\(ref) of snapshot \(snapshot.prefix(8)) is \(restored) now" }
  }

  /// Restores `wanted` of the git repository at `folder`, as `newName` if that is given.
  func run(_ wanted: RefAtSnapshot, in folder: [Name]?, as newName: String?) async throws -> Result {
    let found = try await wanted.find(in: repository, at: folder)
    let name = Self.newName(newName, for: found)
    return try await serving { mounts in
      let old = try await mounts.start(configuration(.fixed(.idPrefix(found.saved.id.hex), folder: []), found.folder))
      let source = try await old.git(for: found.folder)
      let saved: String?
      if let mount = place.mount {
        try await restore(
          found, from: source, as: name, in: RepositoryGit(folder: RepositoryGit.path(mount.path, found.folder)), mounts
        )
        if mounts.isEnding { throw CommandError.silent(.interrupted) }
        saved = try await commit(mount)
      } else {
        let newest = try await mounts.start(configuration(.latest(filter), found.folder))
        try await restore(found, from: source, as: name, in: try await newest.git(for: found.folder), mounts)
        if mounts.isEnding { throw CommandError.silent(.interrupted) }
        saved = try await newest.commit()
      }
      return Result(
        ref: "\(found.name)", snapshot: found.saved.id.hex, restored: name, id: found.id, saved: saved)
    }
  }

  /// `refs/restored/1a2b3c4d/heads/main`, or the name that the user chose: without `refs/`, it names a branch.
  private static func newName(_ name: String?, for found: RefAtSnapshot.Found) -> String {
    if let name { return name.hasPrefix("refs/") ? name : "refs/heads/\(name)" }
    let old = "\(found.name)"
    return "refs/restored/\(found.saved.id.short)/\(old.hasPrefix("refs/") ? String(old.dropFirst(5)) : old)"
  }

  private func restore(
    _ found: RefAtSnapshot.Found, from source: RepositoryGit, as name: String, in git: RepositoryGit,
    _ mounts: ServedMounts
  ) async throws {
    try await git.requireNew(name)
    do {
      try await git.fetch(found.id, from: source.folder)
      try await git.requireComplete(found.id)
    } catch let error as CommandError {
      if mounts.isEnding { throw error }
      // The newest state may have lost what its refs reach.
      logger.info("\(error); fetching everything")
      var failure: CommandError?
      do {
        try await git.fetch(found.id, from: source.folder, everything: true)
      } catch let error as CommandError {
        // git also fails, once it has everything, because of another ref whose object is lost.
        failure = error
      }
      do {
        try await git.requireComplete(found.id)
      } catch let error as CommandError {
        throw failure ?? error
      }
    }
    try await git.create(name, found.id)
  }

  private func commit(_ mount: MountedDirectory) async throws -> String? {
    let result = try await MountSynchronization(
      mount: mount, progress: ProgressLine(isQuiet: true), waiting: WaitingLine(isQuiet: false, log: context.log)
    ).run()
    if let conflict = result.conflict { throw CommandError(conflict, exitCode: .partial) }
    return result.snapshot
  }

  private func configuration(_ selection: SnapshotSelection, _ folder: [Name]) -> MountConfiguration {
    ServedMount.configuration(
      selection, of: folder, named: "\(place.location)", host: filter.hosts.first, retryLock: retryLock)
  }

  private func serving(_ body: (ServedMounts) async throws -> Result) async throws -> Result {
    let mounts = ServedMounts(repository, in: context.environment, logger: logger)
    context.signals.onSignal { signal in
      if signal.number == SIGINT || signal.number == SIGTERM { mounts.requestEnd() }
    }
    do {
      let result = try await body(mounts)
      await mounts.end()
      return result
    } catch {
      let isInterrupted = mounts.isEnding
      await mounts.end()
      throw isInterrupted ? CommandError.silent(.interrupted) : error
    }
  }
}
