/// Which snapshots are meant, as restic's `--host`, `--tag` and `--path` choose them. An empty filter means all.
public struct SnapshotFilter: Hashable, Sendable {
  /// Any of these hosts.
  public var hosts: [String]
  /// Any of these lists, of which every tag must be there. An empty tag stands for "has no tags".
  public var tags: [[String]]
  /// All of these paths, compared as they are: the caller makes them absolute and clean.
  public var paths: [String]

  public init(hosts: [String] = [], tags: [[String]] = [], paths: [String] = []) {
    self.hosts = hosts
    self.tags = tags
    self.paths = paths
  }

  /// Whether every snapshot matches.
  public var isEmpty: Bool { hosts.isEmpty && tags.isEmpty && paths.isEmpty }

  /// Whether `snapshot` is one of those meant.
  public func matches(_ snapshot: Snapshot) -> Bool {
    (hosts.isEmpty || hosts.contains { Self.isSame($0, snapshot.hostname) })
      && (tags.isEmpty || tags.contains { Self.hasTags(snapshot, $0) })
      && paths.allSatisfy { Self.contains(snapshot.paths, $0) }
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
    strings.contains { isSame($0, wanted) }
  }

  /// Equality of bytes: Swift's own would hold NFC and NFD forms equal, restic doesn't.
  private static func isSame(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
  }
}
