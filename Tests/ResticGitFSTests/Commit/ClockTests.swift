import FuseBridge
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("Clients whose clocks differ, stop or jump", .timeLimit(.minutes(30)))
struct ClockTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// The two times of `clock`.
  private static func lockClock(_ clock: TestClock) -> LockClock {
    LockClock(clock) { Timestamp(seconds: clock.wallTime.components.seconds, nanoseconds: 0) }
  }

  @Test("a clock that is an hour behind: every commit is the latest, for filters and for restic's forget too")
  func hourBehind() async throws {
    let folder = try TemporaryDirectory(prefix: "clocks")
    let path = folder.path.appending("repository")
    let password = String(decoding: TestMount.password, as: UTF8.self)
    try await CheapRepository.create(at: path, password: password)
    let behind = LockClock(ContinuousClock()) { .now().adding(nanoseconds: -3_600_000_000_000) }
    let filter = SnapshotFilter(tags: [["git"]], paths: ["/git"])
    var mounts: [TestMount] = []
    for clock in [LockClock.system, behind] {
      let repository = try await TestMount.openRepository(on: LocalBackend(path: path))
      mounts.append(try await TestMount(repository, filter: filter, clock: clock))
    }
    let restic = ProcessRunner(
      environment: [
        "RESTIC_REPOSITORY": path.string, "RESTIC_PASSWORD": password,
        "RESTIC_CACHE_DIR": folder.path.string + "/cache",
      ], directory: folder.path, timeout: .seconds(60))
    var last: SnapshotID?
    for round in 0..<3 {
      for (number, mount) in mounts.enumerated() {
        try await mount.coordinator.refresh()
        try await mount.write(Self.text("\(round)"), to: "round\(round)-\(number)")
        guard case .saved(let saved, nil) = try await mount.coordinator.commit(.sync) else {
          Issue.record("each follows the other")
          return
        }
        #expect(saved.snapshot.parent == last)
        last = saved.id
        #expect(try await mounts[0].repository.latestSnapshot(matching: filter)?.id == last)
        for arguments in [["--path", "/git"], ["--tag", "git"]] {
          let shown = try await restic.check("restic", ["snapshots", "--json", "--latest", "1"] + arguments)
          #expect(shown.output.contains(saved.id.hex))
        }
      }
      // Of each group the latest stays.
      try await restic.check("restic", ["forget", "--group-by", "paths", "--keep-last", "1", "--prune"])
      #expect(try await mounts[1].repository.snapshots().map(\.id) == [last])
    }
    let names = try await TestMount(TestMount.openRepository(on: LocalBackend(path: path))).names()
    #expect(names.count == 6)
  }

  @Test(
    "a lock that was not refreshed for 23 minutes is taken again, and everything is saved",
    arguments: ["storage away", "asleep", "asleep, and somebody removed it"])
  func overdue(_ what: String) async throws {
    let storage = MemoryBackend()
    let isAway = Switch()
    let backend = FaultBackend(storage) { _ in isAway.isOn ? .nothingDone(FaultBackend.hiccup) : nil }
    let clock = TestClock()
    let mount = try await TestMount(TestMount.makeRepository(on: backend), clock: Self.lockClock(clock))
    try await mount.write(Self.text("new"), to: "f")
    try #require(await clock.waitForSleepers())
    clock.advance(by: .milliseconds(200))
    try await waitUntil { mount.lockKeeper.heldLock != nil }
    let first = mount.lockKeeper.heldLock
    if what == "storage away" {
      isAway.isOn = true
      for _ in 0..<(23 * 60 / 5) {
        try #require(await clock.waitForSleepers())
        clock.advance(by: .seconds(5))
      }
      isAway.isOn = false
    } else {
      clock.suspend(for: .seconds(23 * 60))
    }
    if what.hasSuffix("removed it") { for file in storage.files.keys where file.type == .lock { storage[file] = nil } }

    // Time goes on until the commit has ended, however it does.
    let time = Task {
      while !Task.isCancelled {
        clock.advance(by: .milliseconds(200))
        try await Task.sleep(for: .milliseconds(1))  // The pause between two steps of the test's clock.
      }
    }
    defer { time.cancel() }
    let committed = try await mount.commit()
    time.cancel()
    #expect(committed.snapshot != nil && first != nil)
    #expect(try await TestMount(TestMount.openRepository(on: storage)).read("f") == Self.text("new"))
    #expect(try await storage.list(.lock).isEmpty)
  }
}
