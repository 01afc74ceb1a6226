import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("A commit lock that is lost while a snapshot is being saved", .timeLimit(.minutes(30)))
struct LostCommitLockTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// A clock that is an hour behind.
  private static let slowClock = LockClock(ContinuousClock()) { .now().adding(nanoseconds: -3_600_000_000_000) }

  private static func commitTheirs(_ mount: TestMount) async throws {
    try await mount.write(text("theirs"), to: "theirs")
    guard case .saved(_, nil) = try await mount.coordinator.commit(.sync) else {
      Issue.record("the other client has the lock, and saves")
      return
    }
  }

  @Test(
    "another client saved a snapshot at the same time: the reported snapshot has both, whichever hid the other",
    arguments: [true, false], ["in time", "first is behind", "second is behind"])
  func fork(hasBase: Bool, clocks: String) async throws {
    let scene = try await LockThief.make(
      .beforeSaving, hasBase: hasBase, clock: clocks == "first is behind" ? Self.slowClock : .system,
      secondClock: clocks == "second is behind" ? Self.slowClock : .system
    ) { other, _, _ in try await Self.commitTheirs(other) }
    try await scene.first.write(Self.text("ours"), to: "ours")
    guard case .saved(let saved, let merge?) = try await scene.first.coordinator.commit(.sync) else {
      Issue.record("the two are merged")
      return
    }
    #expect(merge.conflicts.isEmpty)
    let (reader, newest) = try await scene.newest()
    #expect(newest.id == saved.id)
    let all = Set(["ours", "theirs"] + (hasBase ? ["base"] : []))
    #expect(try await reader.names() == all)
    let snapshots = try await reader.repository.snapshots()
    #expect(snapshots.count == (hasBase ? 4 : 3))
    #expect(SnapshotFork.forks(among: snapshots, beside: newest, newcomers: Set(snapshots.map(\.id))).isEmpty)
    // The time of this client's snapshot was chosen while the lock was certainly held: it hides theirs only if the clocks disagree.
    let theirs = try #require(scene.second.coordinator.current.base.shown.snapshot?.id)
    let isBehind = clocks == "second is behind"
    #expect((newest.snapshot.parent == theirs) == !isBehind)
    #expect((newest.snapshot.mergedParents == [theirs]) == isBehind && newest.snapshot.mergedParents.count == 1)

    #expect(try await scene.first.names() == all)
    #expect(try await scene.first.coordinator.commit(.sync) == .unchanged(saved.id))
    #expect(try await scene.second.coordinator.refresh())
    #expect(try await scene.second.names() == all)
    #expect(try await scene.storage.list(.lock).isEmpty)
  }

  @Test(
    "another client built upon the snapshot, or none saved: the snapshot is saved, and nothing is merged",
    arguments: [true, false])
  func noFork(isFollowed: Bool) async throws {
    let scene = try await LockThief.make(.afterSaving) { other, _, _ in
      guard isFollowed else { return }
      try await other.write(Self.text("theirs"), to: "theirs")
      _ = try await other.coordinator.commit(.sync)
    }
    try await scene.first.write(Self.text("ours"), to: "ours")
    guard case .saved(let saved, nil) = try await scene.first.coordinator.commit(.sync) else {
      Issue.record("ours is saved")
      return
    }
    let (reader, newest) = try await scene.newest()
    #expect(newest.id == saved.id || newest.snapshot.parent == saved.id)
    #expect(try await reader.names() == Set(["base", "ours"] + (isFollowed ? ["theirs"] : [])))
    #expect(try await reader.repository.snapshots().count == (isFollowed ? 3 : 2))
    #expect(try await scene.storage.list(.lock).isEmpty)
  }

  @Test(
    "different changes of both are a conflict; a mount for one program reports it, and both survive",
    arguments: [true, false])
  func conflict(isForOneProgram: Bool) async throws {
    let scene = try await LockThief.make(.beforeSaving, isForOneProgram: isForOneProgram) { other, _, _ in
      try await other.write(Self.text("theirs"), to: "base")
      _ = try await other.coordinator.commit(.sync)
    }
    try await scene.first.write(Self.text("ours"), to: "base")
    try await scene.first.write(Self.text("more"), to: "more")
    if isForOneProgram {
      await #expect(throws: RefusedMerge.self) { try await scene.first.coordinator.commit(.sync) }
    } else {
      #expect(try await scene.first.coordinator.commit(.sync).isConflict)
    }
    let (reader, _) = try await scene.newest()
    #expect(try await reader.read("base") == Self.text("theirs"))
    #expect(try await reader.read("more") == Self.text("more"))
    let kept = try #require(try await reader.names().first { $0.hasPrefix("base.conflict-here-") })
    #expect(try await reader.read(kept) == Self.text("ours"))
    guard isForOneProgram else { return }
    // As a helper does that was refused one thing of several: it sets that back, and the rest goes through.
    try await scene.first.write(Self.text("base"), to: "base")
    #expect(try await !scene.first.coordinator.commit(.sync).isConflict)
    #expect(try await scene.newest().mount.read("base") == Self.text("theirs"))
  }

  @Test(
    "the storage becomes unreachable before the look: the error says that the snapshot was saved, and the next commit has both",
    arguments: [true, false])
  func unconfirmed(isChangedAgain: Bool) async throws {
    let scene = try await LockThief.make(.beforeSaving) { other, isAway, _ in
      try await Self.commitTheirs(other)
      isAway.isOn = true
    }
    try await scene.first.write(Self.text("ours"), to: "ours")
    let error = await #expect(throws: UnconfirmedSnapshot.self) { try await scene.first.coordinator.commit(.sync) }
    let status = MountStatus.LastError(try #require(error), location: "here", at: .now())
    #expect(status.snapshot == error?.saved.id.hex)
    #expect(status.message.contains("was saved"))
    #expect(scene.first.coordinator.current.phase == .dirty)
    #expect(scene.first.lockKeeper.heldLock != nil, "nobody prunes what the next commit merges with")
    scene.isAway.isOn = false
    #expect(try await scene.newest().mount.names() == ["base", "theirs"], "ours is hidden")

    // The snapshot stays visible.
    #expect(try await !scene.first.coordinator.refresh())
    #expect(try await scene.first.names() == ["base", "ours"])
    if isChangedAgain { try await scene.first.write(Self.text("ours again"), to: "ours") }
    let result = try await scene.first.coordinator.commit(.sync)
    #expect(!result.isConflict)
    let (reader, newest) = try await scene.newest()
    #expect(newest.id == result.snapshot)
    #expect(try await reader.names() == ["base", "ours", "theirs"])
    #expect(try await reader.read("ours") == Self.text(isChangedAgain ? "ours again" : "ours"))
    #expect(scene.first.coordinator.current.lastError == nil)
    #expect(scene.first.coordinator.current.phase == .clean)
    #expect(try await scene.first.coordinator.commit(.sync) == .unchanged(newest.id))
  }

  @Test("a snapshot that is forgotten immediately is not reported as saved, and is saved again")
  func forgotten() async throws {
    let scene = try await LockThief.make(.afterSaving) { other, _, storage in
      let newest = try await other.repository.latestSnapshot(matching: SnapshotFilter())
      storage[.snapshot(try #require(newest).id)] = nil
      try await Self.commitTheirs(other)
    }
    try await scene.first.write(Self.text("ours"), to: "ours")
    await #expect(throws: RepositoryError.self) { try await scene.first.coordinator.commit(.sync) }
    #expect(try await scene.newest().mount.names() == ["base", "theirs"])
    guard case .saved = try await scene.first.coordinator.commit(.sync) else {
      Issue.record("nothing is lost")
      return
    }
    #expect(try await scene.newest().mount.names() == ["base", "ours", "theirs"])
  }

  /// Which locks are gone when a commit is about to save its snapshot.
  enum Loss: CaseIterable {
    case repositoryLock
    case commitLock
    case both

    /// Whether `file` is lost, where `held` is restic's lock.
    func includes(_ file: BackendFile, held: BackendFile?) -> Bool {
      switch self {
      case .repositoryLock: file == held
      case .commitLock: file != held
      case .both: true
      }
    }
  }

  @Test(
    "a commit whose lock was lost before the save begins again, under new locks",
    arguments: Loss.allCases)
  func before(loss: Loss) async throws {
    let storage = MemoryBackend()
    // Whether restic's lock is among what was lost (true), and the commit lock (false), of which there are two files while it
    // is refreshed.
    let lost = Locked<Set<Bool>>([])
    let keeper = Locked<LockKeeper?>(nil)
    let backend = FaultBackend(
      storage,
      pause: { call in
        // Everything is uploaded, and the commit looks for other clients' snapshots.
        guard call.operation == .list, call.type == .snapshot, storage.files.keys.contains(where: { $0.type == .data }),
          lost.withLock({ $0.isEmpty })
        else { return }
        let held = keeper.withLock { $0 }?.heldLock.map(BackendFile.lock)
        for file in storage.files.keys where file.type == .lock && loss.includes(file, held: held) {
          storage[file] = nil
          lost.withLock { _ = $0.insert(file == held) }
        }
      }, fault: { _ in nil })
    let mount = try await TestMount(TestMount.makeRepository(on: backend))
    keeper.withLock { $0 = mount.lockKeeper }
    try await mount.write(Self.text("ours"), to: "ours")
    guard case .saved(let saved, nil) = try await mount.coordinator.commit(.sync) else {
      Issue.record("it is saved")
      return
    }
    let expected: Set<Bool> =
      switch loss {
      case .repositoryLock: [true]
      case .commitLock: [false]
      case .both: [true, false]
      }
    #expect(lost.withLock { $0 } == expected)
    #expect(try await storage.list(.snapshot).map(\.file) == [.snapshot(saved.id)])
    #expect(try await storage.list(.lock).isEmpty)
  }
}
