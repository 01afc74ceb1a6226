import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

/// Two mounts of one repository. The first is stopped once while it saves a snapshot, until its commit lock is gone and
/// what the test does meanwhile is done.
struct LockThief: Sendable {
  /// Where the first client is stopped.
  enum Moment: CaseIterable {
    /// Before its snapshot is there; the commit lock was confirmed.
    case beforeSaving
    /// When its snapshot is there; the commit lock is about to be confirmed again.
    case afterSaving
  }

  let storage: MemoryBackend
  /// The client that is stopped.
  let first: TestMount
  /// Another one, which has seen the base only.
  let second: TestMount
  /// While true, every call of the first client's fails.
  let isAway: Switch

  /// A repository with one snapshot, of a file `base`, or with `hasBase` false without any. `meanwhile` is given the second
  /// mount.
  static func make(
    _ moment: Moment, hasBase: Bool = true, isForOneProgram: Bool = false, clock: LockClock = .system,
    secondClock: LockClock = .system,
    meanwhile: @escaping @Sendable (TestMount, Switch, MemoryBackend) async throws -> Void
  ) async throws -> LockThief {
    let storage = MemoryBackend()
    let maker = try await TestMount(TestMount.makeRepository(on: storage))
    if hasBase {
      try await maker.write(Array("base".utf8), to: "base")
      _ = try await maker.coordinator.commit(.sync)
    }
    let second = try await TestMount(TestMount.openRepository(on: storage), clock: secondClock)
    let (isAway, hasSaved, isOver) = (Switch(), Switch(), Switch())
    let keeper = Locked<LockKeeper?>(nil)
    let backend = FaultBackend(
      storage,
      pause: { call in
        let isSaving = call.operation == .save && call.type == .snapshot
        if isSaving { hasSaved.isOn = true }
        let isNow = moment == .beforeSaving ? isSaving : hasSaved.isOn && call.operation == .list && call.type == .lock
        guard isNow, !isOver.isOn else { return }
        isOver.isOn = true
        do {
          // The commit lock is the one that is not the repository's.
          let lock = keeper.withLock { $0 }?.heldLock
          for entry in try await storage.list(.lock) where entry.file != lock.map(BackendFile.lock) {
            storage[entry.file] = nil
          }
          try await meanwhile(second, isAway, storage)
        } catch {
          Issue.record(error)
        }
      },
      fault: { call in
        isAway.isOn && !(call.operation == .save && call.type == .snapshot) ? .nothingDone(FaultBackend.death) : nil
      })
    let first = try await TestMount(
      TestMount.openRepository(on: backend), isForOneProgram: isForOneProgram, clock: clock)
    keeper.withLock { $0 = first.lockKeeper }
    return LockThief(storage: storage, first: first, second: second, isAway: isAway)
  }

  /// A mount of the newest snapshot, and that snapshot.
  func newest() async throws -> (mount: TestMount, snapshot: SavedSnapshot) {
    let repository = try await TestMount.openRepository(on: storage)
    let newest = try #require(try await repository.latestSnapshot(matching: SnapshotFilter()))
    return (try await TestMount(repository), newest)
  }
}
