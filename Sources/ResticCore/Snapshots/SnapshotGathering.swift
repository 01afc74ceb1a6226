/// The snapshots of one listing while they are collected. Belongs to one call of `snapshotList`: other calls do not
/// change the list of this one. Thread-safe.
final class SnapshotGathering: Sendable {
  private struct State {
    /// The oldest first.
    var sorted: [SavedSnapshot]
    var found: [SavedSnapshot]
    var recorded: [SnapshotID] = []
  }

  private let state: Locked<State>

  /// Begins with the known snapshots.
  init(_ look: KnownSnapshots.Look) {
    state = Locked(State(sorted: look.sorted, found: look.found))
  }

  /// Adds a snapshot that was read.
  func add(_ saved: SavedSnapshot) {
    state.withLock { $0.found.append(saved) }
  }

  /// Adds snapshots that another process has read.
  func add(recorded: [SavedSnapshot]) {
    state.withLock { state in
      state.found += recorded
      state.recorded += recorded.lazy.map(\.id)
    }
  }

  /// All of them in any order.
  var all: [SavedSnapshot] { state.withLock { $0.sorted + $0.found } }

  /// The names of those that another process has read.
  var recorded: [SnapshotID] { state.withLock { $0.recorded } }

  /// All of them, the oldest first; snapshots of one instant are ordered by id.
  var list: [SavedSnapshot] {
    let (sorted, found) = state.withLock { ($0.sorted, $0.found) }
    guard !found.isEmpty else { return sorted }
    let added = found.sorted(by: SavedSnapshot.isOlder)
    guard let last = sorted.last else { return added }
    if SavedSnapshot.isOlder(last, added[0]) { return sorted + added }
    return (sorted + added).sorted(by: SavedSnapshot.isOlder)
  }
}

extension SavedSnapshot {
  /// Whether `left` comes before `right` in a list of snapshots.
  static func isOlder(_ left: SavedSnapshot, _ right: SavedSnapshot) -> Bool {
    (left.snapshot.time, left.id) < (right.snapshot.time, right.id)
  }
}
