import ProgramVersion
import ResticCore

/// Everything a new snapshot says beside its tree, so that `latest`, filters and `forget --group-by` go on matching it.
struct SnapshotDescription: Sendable {
  /// What the mount shows, if there was a snapshot.
  var base: SavedSnapshot?
  /// What the mount was told to look for.
  var filter: SnapshotFilter
  /// Who commits.
  var identity: SnapshotIdentity
  /// The time of the newest snapshot that the filter lets through, of whatever it is.
  var latestTime: Timestamp?
  /// Snapshots beside the base that the new one contains as well.
  var mergedParents: [SnapshotID] = []

  /// The path of a mount's first snapshot where no filter names one.
  static let defaultPath = "/git"
  /// The tag of a snapshot that was saved beside a newer one.
  static let conflictTag = "conflict"

  /// What a mount's snapshots are of: the base's paths, else those it was told to look for.
  var paths: [String] {
    base?.snapshot.paths ?? (filter.paths.isEmpty ? [Self.defaultPath] : filter.paths)
  }

  /// Whether `snapshot` is one of the same thing, which we follow and merge with. A newer backup of something else, which a
  /// mount without a filter would show when it is mounted anew, is none: merged with it, ours would lose all that isn't there.
  func covers(_ snapshot: Snapshot) -> Bool {
    filter.matches(snapshot) && Self.names(snapshot.paths) == Self.names(paths)
  }

  /// Paths by their bytes: two of them that Unicode holds equal are two.
  private static func names(_ paths: [String]) -> Set<Name> { Set(paths.map { Name($0) }) }

  /// A snapshot of `tree` that is the latest: its time is later than all others', however far behind this machine's clock is.
  func successor(_ tree: BlobID, at now: Timestamp, summary: SnapshotSummary) -> Snapshot {
    let earlier = [base?.snapshot.time, latestTime].compactMap { $0?.adding(nanoseconds: 1_000_000) }
    return snapshot(tree, at: earlier.reduce(now, max), summary: summary)
  }

  /// A snapshot of `tree` tagged `conflict` that is older than `newest`, so that it hides nothing.
  func conflict(_ tree: BlobID, before newest: SavedSnapshot, at now: Timestamp, summary: SnapshotSummary) -> Snapshot {
    var snapshot = snapshot(tree, at: min(now, newest.snapshot.time.adding(nanoseconds: -1_000_000)), summary: summary)
    if !snapshot.tags.contains(Self.conflictTag) { snapshot.tags.append(Self.conflictTag) }
    return snapshot
  }

  private func snapshot(_ tree: BlobID, at time: Timestamp, summary: SnapshotSummary) -> Snapshot {
    var snapshot = Snapshot(
      time: time, parent: base?.id, tree: tree,
      paths: paths,
      hostname: hostname, username: identity.username, uid: identity.userID, gid: identity.groupID,
      excludes: base?.snapshot.excludes ?? [], tags: base?.snapshot.tags ?? filter.tags.first ?? [],
      programVersion: "\(Version.program) \(Version.current)", summary: summary)
    snapshot.mergedParents = mergedParents
    return snapshot
  }

  /// Ours, unless the filter would then not find the snapshot.
  private var hostname: String {
    if filter.matches(host: identity.hostname) { return identity.hostname }
    return base?.snapshot.hostname ?? filter.hosts[0]
  }
}
