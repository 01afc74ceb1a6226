/// How a mount ended. Snapshot ids are complete, in hex.
enum MountOutcome: Hashable, Sendable, Codable {
  /// There was nothing to save; the snapshot that the mount showed, if there was one.
  case clean(snapshot: String?)
  /// Everything is in this snapshot.
  case committed(snapshot: String)
  /// Everything is in this snapshot, but others had changed the same refs or files: a person has to look. Exit code 3.
  case conflict(snapshot: String, message: String)
  /// Something was not saved, and never will be. Exit code 1.
  case failed(message: String)
}
