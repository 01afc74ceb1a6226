public import ResticCore

extension Repository {
  /// Saves `snapshot` with `tree` as its tree.
  @discardableResult
  public func saveSnapshot(
    _ snapshot: Snapshot, of tree: DurableTree
  ) async throws(RepositoryError) -> SavedSnapshot {
    try await save(try seal(snapshot, of: tree))
  }
}
