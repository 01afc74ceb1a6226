import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("A moment without a lock")
struct QuietMomentTests {
  private let repository: Repository
  private let clock = TestClock()

  init() async throws {
    repository = try await TestRepository.create(on: MemoryBackend())
  }

  private func look() async throws -> QuietMoment? {
    try await QuietMoment.look(at: repository, clock: clock.lockClock)
  }

  private func plant(exclusive: Bool) async throws {
    let file = LockFile(
      time: clock.lockClock.wallTime(), exclusive: exclusive, hostname: "elsewhere", username: "somebody", pid: 99)
    _ = try await repository.unpacked.save(file.encode(), as: BackendFile.lock)
  }

  @Test("ends before anybody who came after the look may change something, also while the machine sleeps")
  func length() async throws {
    try await plant(exclusive: false)
    let moment = try #require(try await look())
    clock.advance(by: LockPolicy().checkDelay / 2)
    #expect(!moment.isOver)
    clock.advance(by: LockPolicy().checkDelay / 2 - .milliseconds(1))
    #expect(moment.isOver)
    let asleep = try #require(try await look())
    clock.suspend(for: .seconds(60))
    #expect(asleep.isOver)
  }

  @Test("is none while somebody has an exclusive lock")
  func exclusive() async throws {
    try await plant(exclusive: true)
    #expect(try await look() == nil)
    clock.advance(by: .seconds(3600))
    #expect(try await look() == nil)
  }

  @Test("is none where the locks cannot be read")
  func unreadable() async throws {
    try await repository.backend.save(.lock(SHA256.id(of: [1])), [1])
    await #expect(throws: RepositoryError.self) {
      try await QuietMoment.look(
        at: repository, clock: LockClock(TestClock(advancesOnSleep: true)) { clock.lockClock.wallTime() })
    }
  }
}
