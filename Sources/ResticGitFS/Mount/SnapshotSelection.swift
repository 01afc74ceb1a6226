import ResticCore

/// Which snapshot a mount shows.
enum SnapshotSelection: Hashable, Sendable {
  /// The newest that matches; writable.
  case latest(SnapshotFilter)
  /// A fixed one; read-only, because nothing can be committed on top of an old snapshot, or in place of one folder.
  case fixed(Which, folder: [Name])

  /// Which fixed snapshot.
  enum Which: Hashable, Sendable {
    /// The newest that matches when the mount begins.
    case newest(SnapshotFilter)
    /// The one whose id begins with this.
    case idPrefix(String)
  }

  /// The filter that the mount continues to follow; nil if it shows a fixed snapshot.
  var followed: SnapshotFilter? {
    if case .latest(let filter) = self { filter } else { nil }
  }

  /// Parses `ID`, `latest`, `ID:/FOLDER` or `latest:/FOLDER`, restic's form of a snapshot with a folder. Nil if the
  /// folder leads upwards.
  init?(_ text: String, matching filter: SnapshotFilter) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let folder = Self.folder(parts.count > 1 ? parts[1] : "") else { return nil }
    switch (parts[0], folder.isEmpty) {
    case ("latest", true): self = .latest(filter)
    case ("latest", false): self = .fixed(.newest(filter), folder: folder)
    default: self = .fixed(.idPrefix(String(parts[0])), folder: folder)
    }
  }

  /// The names of the folders from a snapshot's root to `path`. Nil if they lead upwards.
  static func folder(_ path: some StringProtocol) -> [Name]? {
    let names = path.split(separator: "/").filter { $0 != "." }
    return names.contains("..") ? nil : names.map { Name(String($0)) }
  }
}
