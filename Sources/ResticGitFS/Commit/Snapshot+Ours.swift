import ProgramVersion
import ResticCore

extension Snapshot {
  /// Whether a mount has saved it as a state of its tree. restic's backups and what was kept beside a newer snapshot are none.
  var isOurs: Bool {
    programVersion.utf8.starts(with: Version.program.utf8) && !tags.contains(SnapshotDescription.conflictTag)
  }
}
