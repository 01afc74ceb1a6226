import Logging
import ResticCore

/// The doctor's check whether the storage still shows what this machine has seen of a repository.
enum SeenCheck {
  /// The name of the check.
  static let name = "newest seen"

  /// Compares the storage of `repository`, which knows the state folder, with what this machine has seen. Saves
  /// nothing.
  static func run(_ repository: Repository, logger: Logger) async throws(RepositoryError) -> DoctorCheck {
    let before = await repository.seen.current().newest.last
    var watch = RollbackWatch(repository: repository, acceptsRollback: false, logger: logger)
    watch.remembers = false
    let found = try await watch.lookAtAll(of: try await repository.snapshotList(), matching: SnapshotFilter())
    return verdict(seen: before, found.rollbacks)
  }

  /// The verdict if `seen` is the newest snapshot that this machine has seen, and the storage lacks what `rollbacks`
  /// name.
  static func verdict(seen: SavedSnapshot?, _ rollbacks: [Rollback]) -> DoctorCheck {
    if let rollback = rollbacks.first {
      return .fail(
        name, rollback.message,
        advice: "put the newer state back, or accept that it is gone with `restic-gitfs snapshots --accept-rollback`")
    }
    guard let seen else { return .ok(name, "this machine had seen no snapshot before") }
    return .ok(
      name,
      "the storage shows all that this machine has seen, up to \(seen.snapshot.time.localText) (snapshot \(seen.id.short))"
    )
  }
}
