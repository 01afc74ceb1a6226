/// Chooses snapshots as restic's `--host`, `--tag` and `--path` do. An empty filter chooses all.
public struct SnapshotFilter: Hashable, Sendable {
  /// The snapshot must be of one of these hosts.
  public var hosts: [String]
  /// The snapshot must have all tags of one of these lists. An empty tag means "has no tags".
  public var tags: [[String]]
  /// The snapshot must have all of these paths. They are compared literally: the caller makes them absolute and clean.
  public var paths: [String]

  /// A filter whose conditions must all hold; an empty list is no condition.
  public init(hosts: [String] = [], tags: [[String]] = [], paths: [String] = []) {
    self.hosts = hosts
    self.tags = tags
    self.paths = paths
  }

  /// Whether the filter chooses every snapshot.
  public var isEmpty: Bool { hosts.isEmpty && tags.isEmpty && paths.isEmpty }

  /// Whether the filter chooses `snapshot`.
  public func matches(_ snapshot: Snapshot) -> Bool {
    matches(host: snapshot.hostname)
      && (tags.isEmpty || tags.contains { Self.hasTags(snapshot, $0) })
      && paths.allSatisfy { Self.contains(snapshot.paths, $0) }
  }

  /// Whether the filter can choose snapshots of `host`.
  public func matches(host: String) -> Bool {
    hosts.isEmpty || Self.contains(hosts, host)
  }

  private static func hasTags(_ snapshot: Snapshot, _ tags: [String]) -> Bool {
    for tag in tags {
      // As in restic, an empty tag ends the list with a match.
      if tag.isEmpty, snapshot.tags.isEmpty { return true }
      if !contains(snapshot.tags, tag) { return false }
    }
    return true
  }

  private static func contains(_ strings: [String], _ wanted: String) -> Bool {
    strings.contains { $0.hasBytes(of: wanted) }
  }
}
