/// How a mount ended. Snapshot ids are in full, in hex.
enum MountOutcome: Hashable, Sendable, Codable {
  /// There was nothing to save; the snapshot it showed, if there was one.
  case clean(snapshot: String?)
  /// Everything is in this snapshot.
  case committed(snapshot: String)
  /// Everything is in this snapshot, but others had changed the same: somebody has to look. Exit code 3.
  case conflict(snapshot: String, message: String)
  /// Something was not saved, and won't be. Exit code 1.
  case failed(message: String)
}
