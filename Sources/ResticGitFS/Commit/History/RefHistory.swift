import ResticCore

/// Who moved which ref when, read from the snapshots of a mount: each snapshot is compared with the one that it
/// follows.
struct RefHistory: Sendable {
  /// The moves of one snapshot.
  struct Entry: Sendable {
    let saved: SavedSnapshot
    let moves: [RefMove]
  }

  /// How many entries of loaded trees are kept for the next snapshots: about 100 MB.
  private static let heldLimit = 200_000

  /// The repository, whose index is loaded.
  let repository: Repository
  /// The snapshots of one mount, the oldest first.
  let snapshots: [SavedSnapshot]
  /// Called for a snapshot that cannot be read; its moves are left out.
  let warn: @Sendable (String) -> Void

  /// Creates the history of those of `snapshots` that are states of one mount. A snapshot that only keeps another
  /// version beside a newer one is not a state.
  init(_ repository: Repository, _ snapshots: [SavedSnapshot], warn: @escaping @Sendable (String) -> Void) {
    self.repository = repository
    self.snapshots = snapshots.filter { !$0.snapshot.tags.contains(SnapshotDescription.conflictTag) }
    self.warn = warn
  }

  /// How a search ended.
  enum End: Hashable, Sendable {
    case everything
    /// Refs or snapshots were left out, and `warn` was told.
    case part
    /// `body` wanted no more.
    case stopped
  }

  /// Calls `body` for each snapshot that moved a ref that `isWanted` accepts, the newest first, until `body` returns
  /// false. Calls `progress` with the number of snapshots before each one.
  func forEach(
    where isWanted: (RefMove) -> Bool, progress: (Int) -> Void = { _ in }, _ body: (Entry) async throws -> Bool
  ) async throws -> End {
    let indexes = indexes()
    var comparison = RefComparison(repository)
    var told: Set<RefComparison.Omission> = []
    var end = End.everything
    for index in snapshots.indices.reversed() {
      progress(snapshots.count - 1 - index)
      if comparison.heldCount > Self.heldLimit { comparison = RefComparison(repository) }
      let saved = snapshots[index]
      let previous = previous(of: index, indexes)
      // The moves of the oldest remaining snapshot are not known.
      if previous == nil, saved.snapshot.parent != nil { continue }
      let moves: [RefMove]
      do {
        moves = try await comparison.moves(
          from: previous?.snapshot.tree, to: saved.snapshot.tree
        ).filter(isWanted)
        for omission in comparison.omissions where told.insert(omission).inserted {
          tell(omission, of: saved)
          end = .part
        }
      } catch let error as RepositoryError where Self.isOfOneSnapshot(error) {
        warn("snapshot \(saved.id.short) is left out: \(error)")
        end = .part
        continue
      }
      if !moves.isEmpty, try await !body(Entry(saved: saved, moves: moves)) { return .stopped }
    }
    return end
  }

  /// The refs of the newest snapshot, each as a move that creates it.
  func newestRefs() async throws -> [RefMove] {
    guard let newest = snapshots.last else { return [] }
    return try await RefComparison(repository).moves(from: nil, to: newest.snapshot.tree)
  }

  private func tell(_ omission: RefComparison.Omission, of saved: SavedSnapshot) {
    let folder = omission.repository.map(\.description).joined(separator: "/")
    let place = folder.isEmpty ? "the git repository" : "the git repository in \(folder)"
    switch omission.reason {
    case .tables: warn("\(place) keeps its refs in reftables, which this command does not read")
    case .unreadable:
      warn(
        "packed-refs of \(place) cannot be read in snapshot \(saved.id.short) or the one before: its refs are left out")
    }
  }

  private static func isOfOneSnapshot(_ error: RepositoryError) -> Bool {
    switch error {
    case .missingBlob, .damaged: true
    default: false
    }
  }

  /// The position of each snapshot by its id, and by the id that it had before it was tagged.
  private func indexes() -> [SnapshotID: Int] {
    var indexes: [SnapshotID: Int] = [:]
    for (index, saved) in snapshots.enumerated() {
      if let original = saved.snapshot.original { indexes[original] = index }
    }
    for (index, saved) in snapshots.enumerated() { indexes[saved.id] = index }
    return indexes
  }

  /// The snapshot that this one follows; if that was forgotten, the one before it in time.
  private func previous(of index: Int, _ indexes: [SnapshotID: Int]) -> SavedSnapshot? {
    if let parent = snapshots[index].snapshot.parent, let found = indexes[parent], found < index {
      return snapshots[found]
    }
    return index > 0 ? snapshots[index - 1] : nil
  }
}
