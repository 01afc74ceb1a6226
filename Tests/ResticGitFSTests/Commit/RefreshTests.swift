import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("Refresh", .timeLimit(.minutes(30)))
struct RefreshTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test("a clean mount shows another mount's snapshot, and open files keep their bytes")
  func follow() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    for path in ["a/one", "a/two", "b/deep/three", "same"] { try await writer.write(Self.text(path), to: path) }
    _ = try await writer.coordinator.commit(.sync)
    let reader = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await reader.read("a/one") == Self.text("a/one"))
    let held = try await reader.onThread { mount in
      let directory = try mount.fileSystem.lookup(Array("a".utf8), in: 1, caller: TestMount.caller).inode
      let file = try mount.fileSystem.lookup(Array("one".utf8), in: directory, caller: TestMount.caller)
        .inode
      _ = try mount.fileSystem.open(file, flags: 0)
      return file
    }

    try await writer.write(Self.text("changed"), to: "a/one")
    try await writer.remove("a/two")
    try await writer.write(Self.text("new"), to: "a/new/file")
    try await writer.write(Self.text("three again"), to: "b/deep/three")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await reader.coordinator.refresh())
    #expect(try await reader.read("a/one") == Self.text("changed"))
    #expect(try await reader.read("a/new/file") == Self.text("new"))
    #expect(try await reader.read("b/deep/three") == Self.text("three again"))
    #expect(try await reader.read("same") == Self.text("same"))
    await #expect(throws: Errno.noSuchFileOrDirectory) { try await reader.read("a/two") }
    let old = try await reader.onThread { try $0.fileSystem.read(held, handle: 0, offset: 0, byteCount: 100) }
    #expect(Array(old) == Self.text("a/one"))
    #expect(try await reader.coordinator.refresh() == false)

    // Its next commit is on top of the snapshot that it shows.
    try await reader.write(Self.text("from the reader"), to: "c")
    guard case .saved = try await reader.coordinator.commit(.sync) else {
      Issue.record("the base has not moved")
      return
    }
  }

  // T9 What housekeeping has read stays until it is done.
  @Test("a refresh under way changes nothing while the tree is held")
  func heldMeanwhile() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    try await writer.write(Self.text("1"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    let holding = Locked<CommitCoordinator?>(nil)
    let faulty = FaultBackend(backend) { call in
      // The refresh has checked by then whether the tree is held.
      if call.operation == .load, call.type == .index { holding.withLock { $0 }?.holdRefresh(true) }
      return nil
    }
    let reader = try await TestMount(TestMount.openRepository(on: faulty))
    #expect(try await reader.read("f") == Self.text("1"))
    try await writer.write(Self.text("2"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    holding.withLock { $0 = reader.coordinator }
    #expect(try await !reader.coordinator.refresh())
    #expect(try await reader.read("f") == Self.text("1"))
    holding.withLock { $0 = nil }
    reader.coordinator.holdRefresh(false)
    #expect(try await reader.coordinator.refresh())
    #expect(try await reader.read("f") == Self.text("2"))
  }

  @Test("a returning program is told whether the mount shows what a new mount would show")
  func catchUp() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    try await writer.write(Self.text("1"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    let kept = try await TestMount(TestMount.openRepository(on: backend), isForOneProgram: true)
    #expect(try await kept.coordinator.catchUp())
    try await writer.write(Self.text("2"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await kept.coordinator.catchUp())
    #expect(try await kept.read("f") == Self.text("2"))

    // A mount without a filter shows the newest of all; one that is there follows the same thing only.
    let other = try await TestMount(
      TestMount.openRepository(on: backend), filter: SnapshotFilter(hosts: [], tags: [], paths: ["/other"]))
    try await other.write(Self.text("3"), to: "f")
    _ = try await other.coordinator.commit(.sync)
    #expect(try await !kept.coordinator.catchUp())
    try await backend.remove(.snapshot(try #require(other.coordinator.current.base.shown.snapshot?.id)))
    #expect(try await kept.coordinator.catchUp())

    try await kept.write(Self.text("4"), to: "g")
    #expect(try await !kept.coordinator.catchUp())
    await kept.coordinator.discard()
  }

  @Test("a mount with changes is not refreshed")
  func changed() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    try await writer.write(Self.text("1"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    let other = try await TestMount(TestMount.openRepository(on: backend))
    try await other.write(Self.text("mine"), to: "g")
    try await writer.write(Self.text("2"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await other.coordinator.refresh() == false)
    #expect(try await other.read("f") == Self.text("1"))
  }

  @Test("a file that is open for writing is not replaced: later writes are kept")
  func openForWriting() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    for path in ["f", "d/g"] { try await writer.write(Self.text("1"), to: path) }
    _ = try await writer.coordinator.commit(.sync)
    for path in ["f", "d/g"] {
      let other = try await TestMount(TestMount.openRepository(on: backend))
      let file = try await other.open(path, flags: O_RDWR)
      // Replaced in place, or gone with its directory.
      if path == "f" { try await writer.write(Self.text("theirs"), to: path) } else { try await writer.remove(path) }
      _ = try await writer.coordinator.commit(.sync)
      #expect(try await other.coordinator.refresh() == false, "\(path)")
      try await other.onThread { mount in
        try Self.text("late").withUnsafeBytes {
          try mount.fileSystem.write(file.inode, handle: file.handle, offset: 0, FuseWrittenBytes($0))
        }
        mount.fileSystem.release(file.inode, handle: file.handle)
      }
      _ = try await other.coordinator.commit(.sync)
      let after = try await TestMount(TestMount.openRepository(on: backend))
      let kept = path == "f" ? try await after.names().filter { $0.hasPrefix("f.conflict-") } : ["d/g"]
      #expect(kept.count == 1)
      for name in kept { #expect(try await after.read(name) == Self.text("late"), "\(path)") }
      // No program writes to the file any more: the mount shows the newest snapshot, and the next round begins there.
      #expect(other.coordinator.current.base.shown.tree == after.coordinator.current.base.shown.tree, "\(path)")
      try await writer.coordinator.refresh()
    }
  }

  @Test("a file that is open for reading only does not prevent a refresh")
  func openForReading() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    try await writer.write(Self.text("1"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    let other = try await TestMount(TestMount.openRepository(on: backend))
    _ = try await other.open("f", flags: O_RDONLY)
    try await writer.write(Self.text("2"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await other.coordinator.refresh())
    #expect(try await other.read("f") == Self.text("2"))
  }

  @Test("a refresh that fails after the save does not fail the commit")
  func failingRefresh() async throws {
    let storage = MemoryBackend()
    let first = try await TestMount(TestMount.makeRepository(on: storage))
    try await first.write(Self.text("1"), to: "d/f")
    _ = try await first.coordinator.commit(.sync)
    let isBroken = Switch()
    // Listing snapshots works once, for the saving, after the snapshot is there it fails.
    let backend = FaultBackend(storage) { call -> FaultBackend.Fault? in
      if call.operation == .save, call.file?.type == .snapshot { isBroken.isOn = true }
      guard isBroken.isOn, call.operation == .list, call.type == .snapshot else { return nil }
      return .nothingDone(.denied("away"))
    }
    let second = try await TestMount(TestMount.openRepository(on: backend))
    try await second.write(Self.text("2"), to: "g")
    guard case .saved = try await second.coordinator.commit(.sync) else {
      Issue.record("it was saved")
      return
    }
    #expect(second.coordinator.current.lastError == nil)
    #expect(second.coordinator.current.phase == .clean)
  }

  @Test("a write to a file without a name needs no commit and holds no lock")
  func unlinked() async throws {
    let backend = MemoryBackend()
    let mount = try await TestMount(TestMount.makeRepository(on: backend))
    try await mount.write(Self.text("1"), to: "f")
    _ = try await mount.coordinator.commit(.sync)
    let file = try await mount.open("f", flags: O_RDWR)
    try await mount.remove("f")
    _ = try await mount.coordinator.commit(.sync)
    try await mount.onThread { mount in
      try Self.text("x").withUnsafeBytes {
        try mount.fileSystem.write(file.inode, handle: file.handle, offset: 0, FuseWrittenBytes($0))
      }
    }
    #expect(mount.coordinator.current.phase == .clean)
    // Time in which a lock could show itself.
    try await Task.sleep(for: .milliseconds(300))
    #expect(try await backend.list(.lock).isEmpty)
  }

  @Test("a directory that is read while a refresh replaces its tree shows the new tree completely")
  func refreshDuringLoading() async throws {
    let storage = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: storage))
    try await writer.write(Self.text("1"), to: "d/old")
    _ = try await writer.coordinator.commit(.sync)
    let isArmed = Switch()
    let slow = Locked<TestMount?>(nil)
    let backend = FaultBackend(
      storage,
      pause: { call in
        guard call.operation == .load, isArmed.isOn, let mount = slow.withLock({ $0 }) else { return }
        isArmed.isOn = false
        do {
          #expect(try await mount.coordinator.refresh())
        } catch {
          Issue.record(error)
        }
      }, fault: { _ in nil })
    let reader = try await TestMount(TestMount.openRepository(on: backend))
    slow.withLock { $0 = reader }
    try await writer.write(Self.text("2"), to: "d/new")
    _ = try await writer.coordinator.commit(.sync)
    isArmed.isOn = true
    #expect(try await reader.read("d/old") == Self.text("1"))
    #expect(!isArmed.isOn)
    #expect(try await reader.read("d/new") == Self.text("2"))
    try await reader.write(Self.text("3"), to: "d/mine")
    _ = try await reader.coordinator.commit(.sync)
    let last = try await TestMount(TestMount.openRepository(on: storage))
    for name in ["old", "new", "mine"] { #expect(try await last.read("d/\(name)").count == 1, "\(name)") }
  }

  @Test("the mount shows the newest of two independent snapshots, and the next commit has both")
  func fork() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    try await writer.write(Self.text("base"), to: "base")
    _ = try await writer.coordinator.commit(.sync)
    let reader = try await TestMount(TestMount.openRepository(on: backend))
    // As with a storage that does not list new files immediately: each client saves on its own.
    let elsewhere = MemoryBackend(files: backend.files)
    let other = try await TestMount(TestMount.openRepository(on: elsewhere))
    try await writer.write(Self.text("1"), to: "first")
    _ = try await writer.coordinator.commit(.sync)
    try await other.write(Self.text("2"), to: "second")
    _ = try await other.coordinator.commit(.sync)
    for (file, bytes) in elsewhere.files { backend[file] = bytes }

    for mount in [reader, writer] {
      #expect(try await mount.coordinator.refresh())
      #expect(try await mount.names() == ["base", "second"])
    }
    #expect(try await reader.coordinator.commit(.sync).snapshot == reader.coordinator.current.base.shown.snapshot?.id)
    try await reader.write(Self.text("3"), to: "third")
    guard case .saved(let saved, let merge?) = try await reader.coordinator.commit(.sync) else {
      Issue.record("the two are merged")
      return
    }
    #expect(merge.conflicts.isEmpty && merge.sideCount == 1)
    let all: Set<String> = ["base", "first", "second", "third"]
    #expect(try await TestMount(TestMount.openRepository(on: backend)).names() == all)
    #expect(try await writer.coordinator.refresh())
    #expect(try await writer.names() == all)
    // The next commit has nothing to merge.
    try await writer.write(Self.text("4"), to: "fourth")
    guard case .saved(let last, nil) = try await writer.coordinator.commit(.sync) else {
      Issue.record("nothing is left to merge")
      return
    }
    #expect(last.snapshot.parent == saved.id)
  }

  @Test("a mount says when it does not show the newest snapshot: with changes, and with a file open for writing")
  func newer() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    try await writer.write(Self.text("1"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    let other = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await other.coordinator.refresh() == false)
    #expect(other.coordinator.current.base.newer == nil)

    let file = try await other.open("f", flags: O_RDWR)
    try await writer.write(Self.text("2"), to: "f")
    let second = try await writer.coordinator.commit(.sync).snapshot
    #expect(other.coordinator.current.base.newer == nil, "nobody has looked yet")
    #expect(try await other.coordinator.refresh() == false)
    #expect(other.coordinator.current.base.newer?.id == second)
    try await other.onThread { $0.fileSystem.release(file.inode, handle: file.handle) }
    #expect(try await other.coordinator.refresh())
    #expect(other.coordinator.current.base.newer == nil)

    try await other.write(Self.text("mine"), to: "g")
    #expect(try await other.coordinator.refresh() == false)
    #expect(other.coordinator.current.base.newer == nil)
    try await writer.write(Self.text("3"), to: "f")
    let third = try await writer.coordinator.commit(.sync).snapshot
    #expect(try await other.coordinator.refresh() == false)
    #expect(other.coordinator.current.base.newer?.id == third)
    _ = try await other.coordinator.commit(.sync)
    #expect(other.coordinator.current.base.newer == nil)
  }
}
