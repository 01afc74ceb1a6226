extension Repository {
  /// Removes snapshot files, and nothing that they name: that is the business of a prune. One that is gone already is no error.
  ///
  /// The caller holds a lock, and has seen that the repository is ours. Throws what the storage failed with; some of the files
  /// may be gone then.
  public func forget(_ snapshots: [SavedSnapshot]) async throws(RepositoryError) {
    let gone = Locked<Set<SnapshotID>>([])
    defer { knownSnapshots.withLock { known in known.forget(gone.withLock { $0 }) } }
    try await forEachConcurrently(snapshots, limit: settings.concurrentLoads) { saved throws(RepositoryError) in
      do throws(BackendError) {
        try await self.backend.remove(.snapshot(saved.id))
      } catch .notFound {
        // Somebody else was faster.
      } catch {
        throw .backend(error)
      }
      gone.withLock { _ = $0.insert(saved.id) }
    }
  }
}
