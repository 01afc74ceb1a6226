/// Snapshots that are listed but do not exist: if listings lag behind, a forgotten snapshot is listed for a while, and
/// `SnapshotRecord` still has its content.
extension Repository {
  /// `list` without snapshots that are no longer on the storage, as far as one of them would be the newest that
  /// `isWanted`. Throws as `SnapshotList.matching` does.
  public func seeingNewest(
    of list: SnapshotList, where isWanted: (Snapshot) -> Bool
  ) async throws(RepositoryError) -> SnapshotList {
    var list = list
    while let newest = try list.newest(where: isWanted), try await !isThere(newest.id) {
      list = list.without(newest.id)
    }
    return list
  }

  /// Whether the storage has a listed snapshot. Asked once for each snapshot that this process knows only from another
  /// process, and only if listings may lag behind.
  public func isThere(_ id: SnapshotID) async throws(RepositoryError) -> Bool {
    guard knownSnapshots.withLock({ $0.isUnseen(id) }) else { return true }
    guard await !backend.listingsAreImmediate(of: .snapshot) else { return true }
    var isThere = true
    do throws(BackendError) {
      _ = try await storage.byteCount(of: .snapshot(id))
    } catch .notFound {
      isThere = false
    } catch {
      throw .backend(error)
    }
    knownSnapshots.withLock { [isThere] in $0.noteSeen(id, isThere: isThere) }
    return isThere
  }
}
