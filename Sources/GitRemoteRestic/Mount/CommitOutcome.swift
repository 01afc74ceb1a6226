/// What a commit came to.
enum CommitOutcome: Hashable, Sendable {
  /// Everything is in this snapshot; nil where there was nothing to save.
  case saved(snapshot: String?)
  /// Somebody else was faster with other values for these references, or, if nil, with something else that cannot be
  /// merged: nothing was saved.
  case moved(references: [String]?)
  /// Whether it was saved, or is in the newest snapshot, is not known, for this reason: one line.
  case unknown(String)
  /// Nothing was saved, for this reason: one line.
  case failed(String)
}
