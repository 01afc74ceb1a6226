import Logging
import ResticTestSupport
import Testing

@testable import ResticCore

// P1 Whoever waits is told what for.
@Suite("Notes about waits")
struct WaitingNotesTests {
  @Test("the longest wait is reported until it ends, with its latest reason and its start time")
  func longest() throws {
    let notes = WaitingNotes()
    #expect(notes.current == nil)
    let first = notes.begin { "first" }
    let begin = try #require(notes.current)
    let second = notes.begin { "second" }
    #expect(notes.current == begin && begin.reason == "first")
    first.update { "first, again" }
    #expect(notes.current?.reason == "first, again" && notes.current?.since == begin.since)
    first.end()
    first.update { "over" }
    #expect(notes.current?.reason == "second")
    second.end()
    second.end()
    #expect(notes.current == nil)
  }

  @Test("a note vanishes with its wait, and counts only after its delay")
  func lifetime() {
    let notes = WaitingNotes()
    do {
      let waiting = notes.begin { "waiting" }
      #expect(notes.current?.reason == "waiting")
      withExtendedLifetime(waiting) {}
    }
    #expect(notes.current == nil)
    let patient = notes.begin(after: .seconds(3600)) { "patient" }
    #expect(notes.current == nil)
    withExtendedLifetime(patient) {}
  }

  @Test("a retried call is reported with the storage and the error until it succeeds")
  func retrying() async throws {
    let (notes, clock) = (WaitingNotes(), TestClock())
    let memory = MemoryBackend()
    try await memory.create()
    let faulty = FaultBackend.failing(
      memory, call: 1, with: .nothingDone(.unavailable("no answer from the disk")))
    let backend = RetryingBackend(faulty, clock: clock, waiting: notes, logger: Logger(label: "test"))
    async let listed = backend.list(.snapshot)
    try #require(await clock.waitForSleepers())
    let reason = try #require(notes.current?.reason)
    #expect(reason.contains("list snapshots at \(faulty.description)") && reason.contains("no answer from the disk"))
    clock.advance(by: .seconds(10))
    #expect(try await listed.isEmpty)
    #expect(notes.current == nil)
  }

  @Test("a wait for a lock names the lock's holder, and leaves no note behind")
  func lock() async throws {
    let clock = TestClock()
    let repository = try await TestRepository.create()
    let lock = try await RepositoryLock.acquire(on: repository, exclusive: true)
    let other = Task {
      try await RepositoryLock.acquire(
        on: repository, retryFor: .seconds(60),
        clock: LockClock(clock) { Timestamp(seconds: Int64(clock.wallTime.components.seconds), nanoseconds: 0) })
    }
    try await waitUntil { repository.settings.waiting.current != nil }
    let reason = try #require(repository.settings.waiting.current?.reason)
    #expect(reason.contains("locked exclusively by PID") && reason.contains(lock.id.short))
    other.cancel()
    await #expect(throws: RepositoryError.self) { try await other.value }
    #expect(repository.settings.waiting.current == nil)
    try await lock.release()
  }
}
