import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

// C15 A snapshot whose saving was not confirmed is recognised by the next commit.
@Suite("A saved snapshot whose answer was lost")
struct LostAnswerTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// The fate of the next save of a snapshot.
  private final class Weather: Sendable {
    let fault = Locked<FaultBackend.Fault?>(nil)
    let isAwayAfterwards = Switch()
    let isAway = Switch()
    let isReadOnlyAfterwards = Switch()
    let isReadOnly = Switch()
    func answer(to call: BackendCall) -> FaultBackend.Fault? {
      if isAway.isOn { return .nothingDone(FaultBackend.death) }
      guard call.operation == .save, call.type == .snapshot else { return nil }
      if isReadOnly.isOn { return .nothingDone(.denied("read-only file system")) }
      return fault.withLock { fault in
        defer { fault = nil }
        if fault != nil, isAwayAfterwards.isOn { isAway.isOn = true }
        if fault != nil, isReadOnlyAfterwards.isOn { isReadOnly.isOn = true }
        return fault
      }
    }
  }

  private static func scene(
    isForOneProgram: Bool = false
  ) async throws -> (storage: MemoryBackend, weather: Weather, mount: TestMount) {
    let storage = MemoryBackend()
    let maker = try await TestMount(TestMount.makeRepository(on: storage))
    try await maker.write(text("base"), to: "f")
    _ = try await maker.coordinator.commit(.sync)
    let weather = Weather()
    let backend = FaultBackend(storage) { weather.answer(to: $0) }
    let mount = try await TestMount(TestMount.openRepository(on: backend), isForOneProgram: isForOneProgram)
    return (storage, weather, mount)
  }

  /// The newest snapshot as another client sees it.
  private static func newest(_ storage: MemoryBackend) async throws -> (mount: TestMount, saved: SavedSnapshot) {
    let repository = try await TestMount.openRepository(on: storage)
    let saved = try #require(try await repository.latestSnapshot(matching: SnapshotFilter()))
    return (try await TestMount(repository), saved)
  }

  @Test(
    "a snapshot that the storage can confirm is reported as saved",
    arguments: [FaultBackend.hiccup, FaultBackend.death, .noSpace("full")], [true, false])
  func found(error: BackendError, isForOneProgram: Bool) async throws {
    let (storage, weather, mount) = try await Self.scene(isForOneProgram: isForOneProgram)
    weather.fault.withLock { $0 = .answerLost(error) }
    try await mount.write(Self.text("ours"), to: "f")
    guard case .saved(let saved, nil) = try await mount.coordinator.commit(.sync) else {
      Issue.record("it is there")
      return
    }
    #expect(try await Self.newest(storage).saved == saved)
    #expect(mount.coordinator.current.sent.isEmpty)
    try await mount.write(Self.text("again"), to: "f")
    guard case .saved(let next, nil) = try await mount.coordinator.commit(.sync) else {
      Issue.record("one follows the other")
      return
    }
    #expect(next.snapshot.parent == saved.id)
    await mount.coordinator.discard()
  }

  // C15 What can be read back may be in memory only, as after an fsync that failed.
  @Test(
    "a snapshot that can be read is not reported as saved before the storage has accepted it again",
    arguments: [FaultBackend.hiccup, FaultBackend.death])
  func notDurable(error: BackendError) async throws {
    let (storage, weather, mount) = try await Self.scene()
    weather.isReadOnlyAfterwards.isOn = true
    weather.fault.withLock { $0 = .answerLost(error) }
    try await mount.write(Self.text("ours"), to: "f")
    for _ in 0..<2 {
      // The second commit finds the snapshot, and nothing is left to save.
      await #expect(throws: UnansweredSnapshot.self) { try await mount.coordinator.commit(.sync) }
      #expect(mount.coordinator.current.phase == .dirty)
    }
    let sent = try #require(mount.coordinator.current.sent.last?.saved)
    #expect(try await Self.newest(storage).saved == sent)
    weather.isReadOnly.isOn = false
    guard case .saved(let saved, nil) = try await mount.coordinator.commit(.sync) else {
      Issue.record("the storage has accepted it")
      return
    }
    #expect(saved == sent)
    #expect(mount.coordinator.current.sent.isEmpty)
    #expect(try await storage.list(.snapshot).count == 2, "nothing is saved twice")
  }

  @Test("a missing snapshot is an error; if it appears later, it hides nothing, and is not merged")
  func late() async throws {
    let (storage, weather, mount) = try await Self.scene()
    weather.isAwayAfterwards.isOn = true
    weather.fault.withLock { $0 = .answerLost(FaultBackend.death) }
    try await mount.write(Self.text("ours"), to: "f")
    await #expect(throws: UnansweredSnapshot.self) { try await mount.coordinator.commit(.sync) }
    weather.isAway.isOn = false
    let sent = try #require(mount.coordinator.current.sent.last?.saved)
    let bytes = try #require(storage[.snapshot(sent.id)])
    storage[.snapshot(sent.id)] = nil
    try await mount.write(Self.text("again"), to: "f")
    guard case .saved(let saved, nil) = try await mount.coordinator.commit(.sync) else {
      Issue.record("nobody else has saved anything")
      return
    }
    #expect(sent.snapshot.time < saved.snapshot.time)
    storage[.snapshot(sent.id)] = bytes
    let (reader, newest) = try await Self.newest(storage)
    #expect(newest.id == saved.id)
    let snapshots = try await reader.repository.snapshots()
    #expect(snapshots.contains { $0.id == sent.id })
    #expect(SnapshotFork.forks(among: snapshots, beside: newest, newcomers: [sent.id]).isEmpty)
  }

  @Test(
    "a snapshot that was never saved is an error, and the next commit follows the existing snapshots",
    arguments: [true, false])
  func notThere(isAway: Bool) async throws {
    let (storage, weather, mount) = try await Self.scene()
    let base = try await Self.newest(storage).saved.id
    weather.isAwayAfterwards.isOn = isAway
    weather.fault.withLock { $0 = .nothingDone(FaultBackend.hiccup) }
    try await mount.write(Self.text("ours"), to: "f")
    await #expect(throws: (any Error).self) { try await mount.coordinator.commit(.sync) }
    weather.isAway.isOn = false
    #expect(try await Self.newest(storage).saved.id == base)
    guard case .saved(let saved, nil) = try await mount.coordinator.commit(.sync) else {
      Issue.record("nobody else has saved anything")
      return
    }
    #expect(saved.snapshot.parent == base)
    #expect(try await Self.newest(storage).mount.read("f") == Self.text("ours"))
  }

  @Test(
    "the next commit finds the snapshot and follows it, whatever changed meanwhile",
    arguments: ["nothing", "the same file", "back", "another file"])
  func recognised(change: String) async throws {
    let (storage, weather, mount) = try await Self.scene()
    weather.isAwayAfterwards.isOn = true
    weather.fault.withLock { $0 = .answerLost(FaultBackend.death) }
    try await mount.write(Self.text("ours"), to: "f")
    let error = await #expect(throws: UnansweredSnapshot.self) { try await mount.coordinator.commit(.sync) }
    let status = MountStatus.LastError(try #require(error), location: "here", at: .now())
    let sent = try #require(error?.saved.id)
    #expect(status.snapshot == sent.hex)
    #expect(mount.coordinator.current.phase == .dirty)
    #expect(try await Self.newest(storage).saved.id == sent)
    weather.isAway.isOn = false
    // The mount does not take its own snapshot for another client's newer one.
    _ = try await mount.coordinator.refresh()
    #expect(mount.coordinator.current.base.newer == nil)

    switch change {
    case "the same file": try await mount.write(Self.text("again"), to: "f")
    case "back": try await mount.write(Self.text("base"), to: "f")
    case "another file": try await mount.write(Self.text("more"), to: "g")
    default: break
    }
    guard case .saved(let saved, let merge) = try await mount.coordinator.commit(.sync) else {
      Issue.record("the commit is reported as saved")
      return
    }
    #expect(merge == nil)
    let (reader, newest) = try await Self.newest(storage)
    #expect(newest.id == saved.id)
    #expect(change == "nothing" ? saved.id == sent : saved.snapshot.parent == sent)
    let expected = ["the same file": "again", "back": "base"][change] ?? "ours"
    #expect(try await reader.read("f") == Self.text(expected))
    #expect(try await mount.read("f") == Self.text(expected))
    #expect(try await mount.coordinator.commit(.sync) == .unchanged(saved.id))
    #expect(try await storage.list(.lock).isEmpty)
  }

  @Test(
    "other clients built upon the snapshot before it was recognised: everything is merged, and nothing conflicts with itself"
  )
  func followedByOthers() async throws {
    let (storage, weather, mount) = try await Self.scene()
    weather.isAwayAfterwards.isOn = true
    weather.fault.withLock { $0 = .answerLost(FaultBackend.death) }
    try await mount.write(Self.text("ours"), to: "f")
    await #expect(throws: UnansweredSnapshot.self) { try await mount.coordinator.commit(.sync) }
    let other = try await Self.newest(storage).mount
    try await other.write(Self.text("theirs"), to: "g")
    // The locks of a client that has lost its storage stay until they are stale.
    for file in storage.files.keys where file.type == .lock { storage[file] = nil }
    _ = try await other.coordinator.commit(.sync)
    weather.isAway.isOn = false
    try await mount.write(Self.text("again"), to: "f")
    let result = try await mount.coordinator.commit(.sync)
    #expect(!result.isConflict)
    let reader = try await Self.newest(storage).mount
    #expect(try await reader.names() == ["f", "g"])
    #expect(try await reader.read("f") == Self.text("again"))
    #expect(try await mount.names() == ["f", "g"])
  }

  @Test("the commit that recognises the snapshot reports the snapshot's conflicts")
  func conflictIsTold() async throws {
    let (storage, weather, mount) = try await Self.scene()
    let other = try await Self.newest(storage).mount
    try await other.write(Self.text("theirs"), to: "f")
    _ = try await other.coordinator.commit(.sync)
    weather.isAwayAfterwards.isOn = true
    weather.fault.withLock { $0 = .answerLost(FaultBackend.death) }
    try await mount.write(Self.text("ours"), to: "f")
    await #expect(throws: UnansweredSnapshot.self) { try await mount.coordinator.commit(.sync) }
    weather.isAway.isOn = false
    try await mount.write(Self.text("more"), to: "more")
    let result = try await mount.coordinator.commit(.sync)
    #expect(result.isConflict && result.message?.contains("f: changed on both sides") == true)
    let (reader, _) = try await Self.newest(storage)
    #expect(try await reader.read("f") == Self.text("theirs"))
    #expect(try await reader.names().count { $0.hasPrefix("f.conflict-here-") } == 1, "ours is kept once")
    #expect(try await reader.read("more") == Self.text("more"))
  }
}
