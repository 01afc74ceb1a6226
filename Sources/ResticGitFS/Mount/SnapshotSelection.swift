import ResticCore

/// Which snapshot a mount shows.
enum SnapshotSelection: Hashable, Sendable {
  /// The newest that matches; writable.
  case latest(SnapshotFilter)
  /// One for good: read-only, since nothing can be committed on top of an old one, or in place of one folder.
  case fixed(Which, folder: [Name])

  /// Which one that is.
  enum Which: Hashable, Sendable {
    /// The newest that matches when the mount begins.
    case newest(SnapshotFilter)
    /// The one whose id begins with this.
    case idPrefix(String)
  }

  /// What the mount goes on following; nil where it shows one snapshot for good.
  var followed: SnapshotFilter? {
    if case .latest(let filter) = self { filter } else { nil }
  }

  /// From `ID`, `latest`, `ID:/FOLDER` or `latest:/FOLDER`, as restic takes a snapshot with a folder in it. Nil where the folder
  /// leads upwards.
  init?(_ text: String, matching filter: SnapshotFilter) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let folder = Self.folder(parts.count > 1 ? parts[1] : "") else { return nil }
    switch (parts[0], folder.isEmpty) {
    case ("latest", true): self = .latest(filter)
    case ("latest", false): self = .fixed(.newest(filter), folder: folder)
    default: self = .fixed(.idPrefix(String(parts[0])), folder: folder)
    }
  }

  /// The names of the folders that lead to `path` from a snapshot's root. Nil where they lead upwards.
  static func folder(_ path: some StringProtocol) -> [Name]? {
    let names = path.split(separator: "/").filter { $0 != "." }
    return names.contains("..") ? nil : names.map { Name(String($0)) }
  }
}
