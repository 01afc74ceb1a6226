import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

// P7 Programs that fsync the mount's root make one snapshot in `--fsync-interval` at most.
@Suite("Fsyncs of the root by programs")
struct FsyncLimitTests {
  private final class Counter: Sendable {
    let value = Locked(0)
  }

  private let clock = TestClock()
  private let lateCommits = Counter()

  private func makeLimit(_ interval: Duration = .seconds(30), finds: Bool = true) -> FsyncLimit<TestClock> {
    FsyncLimit(interval: interval, clock: clock) { [lateCommits] in
      lateCommits.value.withLock { $0 += 1 }
      return finds
    }
  }

  private func waitForLateCommits(_ count: Int) async throws {
    try await waitUntil { lateCommits.value.withLock { $0 } >= count }
    #expect(lateCommits.value.withLock { $0 } == count)
  }

  private func waitForSleeper() async throws {
    try #require(await clock.waitForSleepers())
    #expect(clock.sleeperCount == 1)
  }

  @Test(
    "the first fsync commits; all others in its interval share one commit at the end, which begins the next interval")
  func interval() async throws {
    let limit = makeLimit()
    #expect(limit.begin() == .commit)
    limit.end(madeSnapshot: true)
    for _ in 0..<50 { #expect(limit.begin() == .comesLater) }
    try await waitForSleeper()
    clock.advance(by: .seconds(29))
    #expect(limit.begin() == .comesLater)
    #expect(lateCommits.value.withLock { $0 } == 0)
    clock.advance(by: .seconds(1))
    try await waitForLateCommits(1)
    #expect(limit.begin() == .comesLater)
    try await waitForSleeper()
    clock.advance(by: .seconds(30))
    try await waitForLateCommits(2)
    clock.advance(by: .seconds(31))
    #expect(limit.begin() == .commit)
  }

  @Test("an fsync during the first fsync's commit is deferred")
  func concurrent() async throws {
    let limit = makeLimit()
    #expect(limit.begin() == .commit)
    #expect(limit.begin() == .comesLater)
    limit.end(madeSnapshot: true)
    try await waitForSleeper()
    clock.advance(by: .seconds(30))
    try await waitForLateCommits(1)
  }

  @Test("a commit that saved nothing, or failed, does not begin an interval")
  func nothingSaved() async throws {
    let limit = makeLimit(finds: false)
    for _ in 0..<3 {
      #expect(limit.begin() == .commit)
      limit.end(madeSnapshot: false)
    }
    #expect(limit.begin() == .commit)
    limit.end(madeSnapshot: true)
    #expect(limit.begin() == .comesLater)
    try await waitForSleeper()
    clock.advance(by: .seconds(30))
    try await waitForLateCommits(1)
    try await waitUntil { limit.begin() == .commit }
  }

  @Test("without an interval every fsync commits")
  func off() {
    let limit = makeLimit(.zero)
    for _ in 0..<3 {
      #expect(limit.begin() == .commit)
      limit.end(madeSnapshot: true)
    }
  }
}
