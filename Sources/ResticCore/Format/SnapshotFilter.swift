/// Which snapshots are meant, as restic's `--host`, `--tag` and `--path` choose them. An empty filter means all.
public struct SnapshotFilter: Hashable, Sendable {
  /// Any of these hosts.
  public var hosts: [String]
  /// Any of these lists, of which every tag must be there. An empty tag stands for "has no tags".
  public var tags: [[String]]
  /// All of these paths, compared as they are: the caller makes them absolute and clean.
  public var paths: [String]

  /// A filter whose conditions must all hold; an empty list is no condition.
  public init(hosts: [String] = [], tags: [[String]] = [], paths: [String] = []) {
    self.hosts = hosts
    self.tags = tags
    self.paths = paths
  }

  /// Whether every snapshot matches.
  public var isEmpty: Bool { hosts.isEmpty && tags.isEmpty && paths.isEmpty }

  /// Whether `snapshot` is one of those meant.
  public func matches(_ snapshot: Snapshot) -> Bool {
    matches(host: snapshot.hostname)
      && (tags.isEmpty || tags.contains { Self.hasTags(snapshot, $0) })
      && paths.allSatisfy { Self.contains(snapshot.paths, $0) }
  }

  /// Whether snapshots of `host` are among those meant.
  public func matches(host: String) -> Bool {
    hosts.isEmpty || Self.contains(hosts, host)
  }

  private static func hasTags(_ snapshot: Snapshot, _ tags: [String]) -> Bool {
    for tag in tags {
      // As in restic, the empty tag settles the list where it stands.
      if tag.isEmpty, snapshot.tags.isEmpty { return true }
      if !contains(snapshot.tags, tag) { return false }
    }
    return true
  }

  private static func contains(_ strings: [String], _ wanted: String) -> Bool {
    strings.contains { $0.hasBytes(of: wanted) }
  }
}
