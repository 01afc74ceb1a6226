import ProgramVersion
import ResticCore

extension Snapshot {
  /// Whether a mount has saved it as a state of its tree. False for restic's backups and for snapshots kept as
  /// conflicts.
  var isOurs: Bool {
    programVersion.utf8.starts(with: Version.program.utf8) && !tags.contains(SnapshotDescription.conflictTag)
  }
}
