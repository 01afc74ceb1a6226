import FuseBridge
import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("CommitCoordinator", .timeLimit(.minutes(30)))
struct CommitCoordinatorTests {
  private static func hold(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test("the next mount shows what was written, and a clean mount holds no lock")
  func commitAndReopen() async throws {
    let backend = MemoryBackend()
    let mount = try await TestMount(TestMount.makeRepository(on: backend))
    try await mount.write(Self.hold("hello"), to: "a/b/c")
    guard case .saved = try await mount.coordinator.commit(.sync) else {
      Issue.record("a change makes a snapshot")
      return
    }
    #expect(try await backend.list(.lock).isEmpty)
    let again = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await again.read("a/b/c") == Self.hold("hello"))
    #expect(mount.coordinator.current.phase == .clean)
  }

  @Test(
    "without a change there is no snapshot, not even after a change that was undone or affects only git's unfinished files"
  )
  func noChange() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    #expect(try await mount.coordinator.commit(.sync) == .unchanged(nil))
    try await mount.write(Self.hold("x"), to: "f")
    guard case .saved(let first, nil) = try await mount.coordinator.commit(.sync) else {
      Issue.record("a change makes a snapshot")
      return
    }
    #expect(try await mount.coordinator.commit(.sync) == .unchanged(first.id))
    #expect(try await mount.repository.snapshots().count == 1)
  }

  @Test("git's unfinished files are in no snapshot until they have their final names")
  func inFlight() async throws {
    let backend = MemoryBackend()
    let mount = try await TestMount(TestMount.makeRepository(on: backend))
    for path in ["HEAD", "refs/heads/main", "objects/info/packs"] { try await mount.write(Self.hold(path), to: path) }
    try await mount.write(Self.hold("half"), to: "objects/incoming-x/pack/tmp_pack_1")
    try await mount.write(Self.hold("locked"), to: "refs/heads/main.lock")
    _ = try await mount.coordinator.commit(.sync)
    let first = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await first.names() == ["HEAD", "refs", "objects"])
    await #expect(throws: (any Error).self) { try await first.read("refs/heads/main.lock") }
    await #expect(throws: (any Error).self) { try await first.read("objects/incoming-x/pack/tmp_pack_1") }

    try await mount.onThread { mount in
      let file = mount.fileSystem
      let heads = try file.lookup(Array("refs".utf8), in: 1, caller: TestMount.caller).inode
      let main = try file.lookup(Array("heads".utf8), in: heads, caller: TestMount.caller).inode
      try file.rename(Array("main.lock".utf8), in: main, to: Array("main".utf8), in: main, mode: .replace)
    }
    _ = try await mount.coordinator.commit(.sync)
    let second = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await second.read("refs/heads/main") == Self.hold("locked"))
  }

  @Test("a commit that changes one small file writes a data pack, a tree pack, an index and a snapshot")
  func smallCommit() async throws {
    let backend = MemoryBackend()
    let mount = try await TestMount(TestMount.makeRepository(on: backend))
    for number in 0..<200 { try await mount.write(Self.hold("\(number)"), to: "d\(number % 7)/f\(number)") }
    _ = try await mount.coordinator.commit(.sync)
    let before = backend.files.keys.reduce(into: [:]) { $0[$1.type, default: 0] += 1 }
    try await mount.write(Self.hold("other"), to: "d1/f1")
    _ = try await mount.coordinator.commit(.sync)
    let after = backend.files.keys.reduce(into: [:]) { $0[$1.type, default: 0] += 1 }
    #expect(after[.data, default: 0] - before[.data, default: 0] == 2)
    #expect(after[.index, default: 0] - before[.index, default: 0] == 1)
    #expect(after[.snapshot, default: 0] - before[.snapshot, default: 0] == 1)
    // The same content under another name needs no data pack.
    try await mount.write(Self.hold("other"), to: "d2/again")
    _ = try await mount.coordinator.commit(.sync)
    let last = backend.files.keys.reduce(into: [:]) { $0[$1.type, default: 0] += 1 }
    #expect(last[.data, default: 0] - after[.data, default: 0] == 1)
  }

  @Test("two mounts that write at the same time keep all of their changes, and both show them in the end")
  func merge() async throws {
    let backend = MemoryBackend()
    let ours = try await TestMount(TestMount.makeRepository(on: backend))
    try await ours.write(Self.hold("base"), to: "d/base")
    _ = try await ours.coordinator.commit(.sync)
    let theirs = try await TestMount(TestMount.openRepository(on: backend))
    try await ours.write(Self.hold("ours"), to: "d/ours")
    try await theirs.write(Self.hold("theirs"), to: "d/theirs")
    _ = try await theirs.coordinator.commit(.sync)
    guard case .saved(let saved, let merge?) = try await ours.coordinator.commit(.sync) else {
      Issue.record("the two are merged")
      return
    }
    #expect(merge.conflicts.isEmpty)
    let reader = try await TestMount.openRepository(on: backend)
    #expect(try await reader.latestSnapshot(matching: SnapshotFilter())?.id == saved.id)
    #expect(try await theirs.coordinator.refresh())
    for mount in [ours, theirs, try await TestMount(reader)] {
      for path in ["d/base", "d/ours", "d/theirs"] { #expect(try await mount.read(path).count > 3, "\(path)") }
    }
    #expect(try await ours.coordinator.commit(.sync) == .unchanged(saved.id))
    #expect(try await backend.list(.lock).isEmpty)
  }

  @Test("a conflict keeps the other client's version, with this mount's version beside it, and is reported")
  func conflict() async throws {
    let backend = MemoryBackend()
    let ours = try await TestMount(TestMount.makeRepository(on: backend))
    let theirs = try await TestMount(TestMount.openRepository(on: backend))
    try await ours.write(Self.hold("ours"), to: "f")
    try await theirs.write(Self.hold("theirs"), to: "f")
    _ = try await theirs.coordinator.commit(.sync)
    let result = try await ours.coordinator.commit(.unmount)
    #expect(result.isConflict)
    #expect(result.message?.contains("f: changed on both sides") == true)
    let reader = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await reader.read("f") == Self.hold("theirs"))
    let kept = try #require(try await reader.names().first { $0.hasPrefix("f.conflict-here-") })
    #expect(try await reader.read(kept) == Self.hold("ours"))
  }

  @Test("writes during a merge are merged at the next commit")
  func writeDuringMerge() async throws {
    let backend = MemoryBackend()
    let ours = try await TestMount(TestMount.makeRepository(on: backend))
    for number in 0..<3 { try await ours.write(Self.hold("0"), to: "f\(number)") }
    _ = try await ours.coordinator.commit(.sync)
    for round in 1..<6 {
      let theirs = try await TestMount(TestMount.openRepository(on: backend))
      try await theirs.write(Self.hold("theirs \(round)"), to: "theirs\(round)")
      _ = try await theirs.coordinator.commit(.sync)
      try await ours.write(Self.hold("ours \(round)"), to: "ours\(round)")
      async let commit = ours.coordinator.commit(.sync)
      for number in 0..<20 { try await ours.write(Self.hold("\(number)"), to: "during\(round)-\(number)") }
      _ = try await commit
    }
    _ = try await ours.coordinator.commit(.sync)
    let names = try await TestMount(TestMount.openRepository(on: backend)).names()
    for round in 1..<6 {
      #expect(names.isSuperset(of: ["theirs\(round)", "ours\(round)"]))
      #expect(names.isSuperset(of: (0..<20).map { "during\(round)-\($0)" }))
    }
    #expect(!names.contains { $0.contains("conflict") })
  }

  @Test("a new snapshot keeps paths, tags and host, and is later than its base whatever the clock says")
  func identity() async throws {
    let backend = MemoryBackend()
    let repository = try await TestMount.makeRepository(on: backend)
    let filter = SnapshotFilter(hosts: ["vault"], tags: [["a", "b"]], paths: ["/repo"])
    let mount = try await TestMount(repository, filter: filter)
    try await mount.write(Self.hold("1"), to: "f")
    _ = try await mount.coordinator.commit(.sync)
    var first = try #require(try await repository.latestSnapshot(matching: filter))
    #expect(first.snapshot.hostname == "vault")
    #expect(first.snapshot.tags == ["a", "b"])
    #expect(first.snapshot.paths == ["/repo"])

    // The same snapshot from a machine whose clock is a day ahead.
    var ahead = first.snapshot
    ahead.time = Timestamp.now().adding(nanoseconds: 86_400_000_000_000)
    let uploader = repository.makeUploader()
    let tree = try await uploader.finish(root: ahead.tree)
    first = try await repository.saveSnapshot(ahead, of: tree)
    let second = try await TestMount(repository, filter: filter)
    try await second.write(Self.hold("2"), to: "f")
    guard case .saved(let saved, nil) = try await second.coordinator.commit(.sync) else {
      Issue.record("a change makes a snapshot")
      return
    }
    #expect(try await repository.latestSnapshot(matching: filter)?.id == saved.id)
    #expect(saved.snapshot.parent == first.id)
  }

  /// The fate of a commit's calls from the k-th on.
  enum CrashPoint: String, CaseIterable, Sendable {
    case dies = "the backend dies after call k"
    case diesAfterDoing = "the backend does call k + 1 without an answer, and dies"
    case losesAnswer = "the answer of call k + 1 is lost"
    case deniesAfterDoing = "call k + 1 is done and denied"
    case denies = "call k + 1 is denied"

    /// The fault of a call when `left` of k calls are left.
    func fault(left: Int) -> FaultBackend.Fault? {
      guard left <= 0 else { return nil }
      return switch self {
      case .dies: .nothingDone(FaultBackend.death)
      case .diesAfterDoing: left == 0 ? .answerLost(FaultBackend.death) : .nothingDone(FaultBackend.death)
      case .losesAnswer: left == 0 ? .answerLost(FaultBackend.hiccup) : nil
      case .deniesAfterDoing: left == 0 ? .answerLost(FaultBackend.death) : nil
      case .denies: left == 0 ? .nothingDone(FaultBackend.death) : nil
      }
    }
  }

  // C5, C15, R1
  @Test(
    "a failure at any call leaves the old or the new state, and the next commit succeeds without a conflict",
    arguments: CrashPoint.allCases, [false, true])
  func crashPoints(_ point: CrashPoint, isDistant: Bool) async throws {
    var k = 1
    while true {
      let storage = MemoryBackend(isDistant: isDistant)
      let first = try await TestMount(TestMount.makeRepository(on: storage))
      try await first.write(Self.hold("old"), to: "d/f")
      _ = try await first.coordinator.commit(.sync)

      let fault = CallsLeft()
      let counted = FaultBackend(storage) { _ -> FaultBackend.Fault? in
        fault.calls.withLock { left in
          guard let calls = left else { return nil }
          left = calls - 1
          return point.fault(left: calls)
        }
      }
      let mount = try await TestMount(TestMount.openRepository(on: counted))
      try await mount.write(Self.hold("new"), to: "d/f")
      try await mount.write([UInt8](repeating: 9, count: 700_000), to: "big")
      fault.calls.withLock { $0 = k }
      let succeeded: Bool
      do {
        _ = try await mount.coordinator.commit(.sync)
        succeeded = true
      } catch {
        succeeded = false
      }
      let died = fault.calls.withLock { left in
        defer { left = nil }
        return (left ?? 0) < 0
      }
      let reopened = try await TestMount(TestMount.openRepository(on: storage))
      let content = try await reopened.read("d/f")
      #expect(content == Self.hold("old") || content == Self.hold("new"), "k = \(k)")
      if content == Self.hold("new") { #expect(try await reopened.read("big").count == 700_000, "k = \(k)") }
      if succeeded { #expect(content == Self.hold("new"), "k = \(k)") }
      try await mount.write(Self.hold("newer"), to: "d/f")
      let result = try await mount.coordinator.commit(.sync)
      #expect(!result.isConflict, "k = \(k)")
      let last = try await TestMount(TestMount.openRepository(on: storage))
      #expect(try await last.read("d/f") == Self.hold("newer"), "k = \(k)")
      #expect(try await last.read("big").count == 700_000, "k = \(k)")
      #expect(try await last.names() == ["d", "big"], "k = \(k)")
      if !died { break }
      k += 1
    }
    #expect(k > 5, "the commit made calls to die at")
  }
}

/// How many calls go through until the fault; nil: all.
private final class CallsLeft: Sendable {
  let calls = Locked<Int?>(nil)
}
