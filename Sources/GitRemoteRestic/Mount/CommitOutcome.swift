/// What a commit came to.
enum CommitOutcome: Hashable, Sendable {
  /// Everything is in this snapshot; nil where there was nothing to save.
  case saved(snapshot: String?)
  /// Somebody else was faster: nothing was saved.
  case moved
  /// Nothing was saved, for this reason: one line.
  case failed(String)
}
