import ResticCore

extension SavedSnapshot {
  /// The commands that give a snapshot with a wrong time the time `now`, or remove the snapshot.
  func remedy(at now: Timestamp) -> String {
    """
    `restic rewrite --forget --new-time "\(now.localText)" \(id.short)` re-dates it, `restic forget \(id.short)` removes it \
    and what only it contains
    """
  }
}
