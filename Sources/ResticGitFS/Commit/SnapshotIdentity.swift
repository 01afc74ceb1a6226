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

extension SnapshotIdentity {
  /// This machine and its user. A filter for hosts must match what is saved, or the next mount would not find it.
  init(following filter: SnapshotFilter) {
    let client = ClientIdentity.current
    self.init(
      hostname: filter.hosts.first ?? client.hostname, username: client.username, userID: client.uid,
      groupID: client.gid)
  }
}
