import ResticCore

/// A snapshot was sent, the storage did not say that it has it, and could not be asked. Nothing is lost: the next commit
/// looks whether the snapshot is there.
struct UnansweredSnapshot: Error, CustomStringConvertible {
  /// What was sent.
  let saved: SavedSnapshot
  /// Why the saving failed.
  let cause: RepositoryError

  var description: String {
    "whether snapshot \(saved.id.short) was saved is not known: \(cause)"
  }
}
