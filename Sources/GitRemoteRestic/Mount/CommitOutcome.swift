/// The result of a commit.
enum CommitOutcome: Hashable, Sendable {
  /// Everything is in this snapshot; nil if there was nothing to save.
  case saved(snapshot: String?)
  /// Others have saved different values for these references first or, if nil, another change that cannot be merged:
  /// nothing was saved.
  case moved(references: [String]?)
  /// It is unknown whether it was saved, or is part of the newest snapshot, for this reason: one line.
  case unknown(String)
  /// Nothing was saved, for this reason: one line.
  case failed(String)
}
