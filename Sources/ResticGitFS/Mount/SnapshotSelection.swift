import ResticCore

/// Which snapshot a mount shows.
enum SnapshotSelection: Hashable, Sendable {
  /// The newest that matches; writable.
  case latest(SnapshotFilter)
  /// The one whose id begins with this; read-only, since nothing can be committed on top of an old one.
  case snapshot(idPrefix: String)
}
