extension Repository {
  /// Removes snapshot files, but not what they refer to: that is left to prune. A file that is already gone is no
  /// error.
  ///
  /// The caller holds a lock, and has confirmed that the repository is the one that was opened. Throws the storage's
  /// error; some of the files may be gone then.
  public func forget(_ snapshots: [SavedSnapshot]) async throws(RepositoryError) {
    let gone = Locked<Set<SnapshotID>>([])
    defer { knownSnapshots.withLock { known in known.forget(gone.withLock { $0 }) } }
    try await forEachConcurrently(snapshots, limit: settings.concurrentLoads) { saved throws(RepositoryError) in
      do throws(BackendError) {
        try await self.backend.remove(.snapshot(saved.id))
      } catch .notFound {
        // Another client has already removed it.
      } catch {
        throw .backend(error)
      }
      gone.withLock { _ = $0.insert(saved.id) }
    }
  }
}
