import ResticCore
import Testing

@Suite("BlockingExecutor")
struct BlockingExecutorTests {
  @Test(
    "a job may hold the last reference to its executor: the executor ends on the job's thread, and nothing hangs",
    .timeLimit(.minutes(30)))
  func lastReference() async {
    for _ in 0..<2_000 {
      await Self.runOnExecutorOfItsOwn()
    }
  }

  /// The job keeps the executor. The last reference, the task's or the job's, ends the executor.
  private static func runOnExecutorOfItsOwn() async {
    let executor = BlockingExecutor(threadCount: 1)
    await executor.run { _ = executor }
  }

  @Test("as many jobs as threads run at the same time; with one thread jobs run in order")
  func order() async {
    let executor = BlockingExecutor(threadCount: 1)
    let seen = Seen()
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<50 {
        group.addTask { await executor.run { seen.numbers.withLock { $0.append(number) } } }
      }
    }
    #expect(seen.numbers.withLock { $0.sorted() } == Array(0..<50))
  }
}

/// The notes of jobs.
private final class Seen: Sendable {
  let numbers = Locked<[Int]>([])
}
