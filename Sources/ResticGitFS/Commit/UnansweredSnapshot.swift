import ResticCore

/// A snapshot was sent, and the storage did not confirm it. Either the storage did not answer, or the snapshot can be
/// read but the storage did not accept it again. Nothing is lost: the next commit checks whether the snapshot is
/// stored, and saves it again.
struct UnansweredSnapshot: Error, CustomStringConvertible {
  /// The snapshot that was sent.
  let saved: SavedSnapshot
  /// Why the saving failed.
  let cause: RepositoryError

  var description: String {
    "it is not known whether snapshot \(saved.id.short) was saved: \(cause)"
  }
}
