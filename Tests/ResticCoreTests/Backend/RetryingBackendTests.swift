import ResticCore
import ResticTestSupport
import Testing

@Suite("RetryingBackend")
struct RetryingBackendTests {
  private let memory = MemoryBackend(files: [.config: [1]])
  private let clock = TestClock(advancesOnSleep: true)
  private let log = LogLines()

  private func retrying(_ base: any Backend, _ policy: RetryPolicy = RetryPolicy()) -> RetryingBackend {
    RetryingBackend(base, policy: policy, clock: clock, logger: log.logger)
  }

  @Test("RetryingBackend keeps every rule of Backend")
  func conformance() async {
    #expect(await BackendConformance(retrying(MemoryBackend())).violations() == [])
    #expect(clock.sleeps == [])
  }

  @Test("RetryingBackend keeps every rule of Backend although every third call fails, with and without effect")
  func conformanceWithFaults() async {
    let faulty = FaultBackend(MemoryBackend()) { call in
      switch call.number % 6 {
      case 0: .nothingDone(FaultBackend.hiccup)
      // A racing save whose answer is lost may be refused when it is repeated, and rightly so.
      case 3 where call.operation != .create && call.type != .index: .answerLost(FaultBackend.hiccup)
      default: nil
      }
    }
    #expect(await BackendConformance(retrying(faulty)).violations() == [])
    #expect(clock.sleeps.count > 100)
  }

  @Test("a call is repeated until it succeeds, with one warning per retry")
  func retries() async throws {
    let faulty = FaultBackend(memory) { $0.number <= 4 ? .nothingDone(FaultBackend.hiccup) : nil }
    #expect(try await retrying(faulty).load(.config).array == [1])
    #expect(faulty.callCount == 5)
    #expect(log.lines.count == 4)
    #expect(log.lines.allSatisfy { $0.hasPrefix("load config failed: the backend hiccuped; trying again in ") })
  }

  @Test("of calls that fail side by side for one reason, one tells of its retries; other reasons are told as well")
  func sideBySide() async throws {
    let clock = TestClock()
    let faulty = FaultBackend(memory) { call in
      call.operation == .list
        ? .nothingDone(.unavailable("no disk"))
        : .nothingDone(.unreachable("Failed to connect after \(call.number) ms"))
    }
    let backend = RetryingBackend(faulty, clock: clock, logger: log.logger)
    let tasks = (0..<4).map { number in
      Task { number == 0 ? try await backend.list(.lock).count : try await backend.load(.config).array.count }
    }
    #expect(await clock.waitForSleepers(4))
    #expect(log.lines.count == 2, "\(log.lines)")
    clock.advance(by: .seconds(2))
    for task in tasks { task.cancel() }
    for task in tasks { _ = await task.result }
    #expect(log.lines.filter { $0.contains("no disk") }.count <= 2 && log.lines.count <= 4, "\(log.lines)")
  }

  @Test("only retryable errors are retried")
  func permanentErrors() async {
    let errors: [BackendError] = [
      .notFound(.config), .alreadyExists(.config), .truncated(.config), .tooLarge(.config, byteCount: 1),
      .irregular(.config, kind: "a fifo"), .noSpace(""), .denied(""), .missing(""),
    ]
    for error in errors {
      let faulty = FaultBackend(memory) { _ in .nothingDone(error) }
      await #expect(throws: error) { try await retrying(faulty).load(.config) }
      #expect(faulty.callCount == 1)
    }
    #expect(clock.sleeps == [])
    #expect(log.lines == [])
  }

  @Test("delays double from one second, vary by half, and stay below the longest delay")
  func delays() async {
    let faulty = FaultBackend(memory) { $0.number <= 20 ? .nothingDone(FaultBackend.hiccup) : nil }
    _ = try? await retrying(faulty, RetryPolicy(timeLimit: .seconds(3600))).load(.config)
    var expected = Duration.seconds(1)
    for delay in clock.sleeps {
      #expect(delay >= expected * 0.5 && delay <= expected * 1.5)
      expected = min(expected * 2, .seconds(60))
    }
    #expect(clock.sleeps.count == 20)
    // Chance is at work: without it all quotients were equal.
    let quotients = zip(clock.sleeps.dropFirst(), clock.sleeps).map { $0 / $1 }
    #expect(Set(quotients.map { ($0 * 1000).rounded() }).count > 3)
  }

  @Test("the last error is thrown once the time is up")
  func timeLimit() async {
    let faulty = FaultBackend(memory) { .nothingDone(.unavailable("failure \($0.number)")) }
    let start = clock.now
    let error = await #expect(throws: BackendError.self) { try await retrying(faulty).load(.config) }
    #expect(error == .unavailable("failure \(faulty.callCount)"))
    #expect(start.duration(to: clock.now) <= .seconds(15 * 60))
    #expect(start.duration(to: clock.now) >= .seconds(13 * 60))
  }

  @Test("a call that took longer than the limit is still repeated once")
  func atLeastOnce() async {
    let faulty = FaultBackend(memory) { [clock] _ in
      clock.advance(by: .seconds(3600))
      return .nothingDone(FaultBackend.hiccup)
    }
    await #expect(throws: FaultBackend.hiccup) { try await retrying(faulty).load(.config) }
    #expect(faulty.callCount == 2)
  }

  @Test("a save and a remove whose answers were lost succeed")
  func lostAnswers() async throws {
    let saving = FaultBackend.failing(memory, call: 1, with: .answerLost(FaultBackend.hiccup))
    let file = BackendFile.snapshot(try #require(SnapshotID(bytes: [UInt8](repeating: 7, count: 32))))
    try await retrying(saving).save(file, [1, 2])
    #expect(saving.callCount == 2)
    #expect(memory[file] == [1, 2])

    let removing = FaultBackend.failing(memory, call: 1, with: .answerLost(FaultBackend.hiccup))
    try await retrying(removing).remove(file)
    #expect(memory[file] == nil)
    await #expect(throws: BackendError.notFound(file)) { try await retrying(memory).remove(file) }
  }

  @Test("cancelling the task ends the wait at once, with the error of the call")
  func cancelledWhileWaiting() async {
    let clock = TestClock()
    let faulty = FaultBackend(memory) { _ in .nothingDone(FaultBackend.hiccup) }
    let backend = RetryingBackend(faulty, clock: clock, logger: log.logger)
    let task = Task { try await backend.load(.config) }
    #expect(await clock.waitForSleepers())
    task.cancel()
    await #expect(throws: FaultBackend.hiccup) { try await task.value }
    #expect(faulty.callCount == 1)
    #expect(clock.sleeperCount == 0)
  }

  @Test("a cancelled task gets one try, so that it can clean up")
  func cancelledBefore() async throws {
    let faulty = FaultBackend(memory) { $0.operation == .load ? .nothingDone(FaultBackend.hiccup) : nil }
    let backend = retrying(faulty)
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      try await backend.remove(.config)
      _ = try await backend.load(.config)
    }
    task.cancel()
    await #expect(throws: FaultBackend.hiccup) { try await task.value }
    #expect(memory[.config] == nil)
    #expect(faulty.callCount == 2)
  }
}
