import ResticCore

/// Who makes the snapshots.
struct SnapshotIdentity: Hashable, Sendable {
  /// `--host`, RESTIC_HOST or the machine's name.
  var hostname: String
  /// The user's name.
  var username: String
  /// The user.
  var userID: UInt32
  /// The group.
  var groupID: UInt32
}
