import ProgramVersion
import ResticCore

/// All fields of a new snapshot except its tree, chosen so that `latest`, filters and `forget --group-by` still match
/// it.
struct SnapshotDescription: Sendable {
  /// The snapshot that the mount shows, if there is one.
  var base: SavedSnapshot?
  /// The filter of the mount.
  var filter: SnapshotFilter
  /// Who commits.
  var identity: SnapshotIdentity
  /// Snapshots besides the base that the new one must be later than: the newest that the filter chooses, whatever its
  /// origin, and sent snapshots that may still arrive.
  var earlier: [SavedSnapshot] = []
  /// Snapshots besides the base that the new one also contains.
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
    guard filter.matches(snapshot) else { return false }
    let paths = paths
    // Asked of thousands: those of one mount are mostly alike.
    if paths.count == 1, snapshot.paths.count == 1 { return paths[0].utf8.elementsEqual(snapshot.paths[0].utf8) }
    return Self.names(snapshot.paths) == Self.names(paths)
  }

  /// Paths by their bytes: two of them that Unicode holds equal are two.
  private static func names(_ paths: [String]) -> Set<Name> { Set(paths.map { Name($0) }) }

  /// A snapshot of `tree` that is the latest: its time is later than all others', however far behind this machine's clock is.
  ///
  /// Throws `.unstorableTime`, which names the snapshot in the way, where no later time can be stored.
  func successor(_ tree: BlobID, at now: Timestamp, summary: SnapshotSummary) throws(RepositoryError) -> Snapshot {
    guard let last = ([base].compactMap(\.self) + earlier).max(by: { $0.snapshot.time < $1.snapshot.time }),
      last.snapshot.time >= now
    else { return snapshot(tree, at: now, summary: summary) }
    let time = last.snapshot.time.adding(nanoseconds: 1)
    guard time.isStorable, last.snapshot.time < time else {
      throw .unstorableTime(
        "snapshot \(last.id.short) is dated \(last.snapshot.time.rfc3339), and no later time can be stored: \(last.remedy(at: now))"
      )
    }
    return snapshot(tree, at: time, summary: summary)
  }

  /// A snapshot of `tree` tagged `conflict` that is older than `newest`, so that it hides nothing.
  ///
  /// Throws `.unstorableTime` where no earlier time can be stored.
  func conflict(
    _ tree: BlobID, before newest: SavedSnapshot, at now: Timestamp, summary: SnapshotSummary
  ) throws(RepositoryError) -> Snapshot {
    let time = min(now, newest.snapshot.time.adding(nanoseconds: -1))
    guard time.isStorable, time < newest.snapshot.time else {
      throw .unstorableTime(
        "snapshot \(newest.id.short) is dated \(newest.snapshot.time.rfc3339), and no earlier time can be stored: \(newest.remedy(at: now))"
      )
    }
    var snapshot = snapshot(tree, at: time, summary: summary)
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
