import ResticCore

/// A snapshot was sent, and the storage did not confirm that it has the snapshot. Either the storage could not be asked, or
/// the snapshot can be read but the storage did not accept it again. Nothing is lost: the next commit looks whether the
/// snapshot is there, and saves it again.
struct UnansweredSnapshot: Error, CustomStringConvertible {
  /// What was sent.
  let saved: SavedSnapshot
  /// Why the saving failed.
  let cause: RepositoryError

  var description: String {
    "it is not known whether snapshot \(saved.id.short) was saved: \(cause)"
  }
}
