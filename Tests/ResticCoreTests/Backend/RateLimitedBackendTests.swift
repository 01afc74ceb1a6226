import Logging
import ResticTestSupport
import Testing

@testable import ResticCore

/// N8 where the storage's own way to move bytes has no rate.
@Suite("RateLimitedBackend", .timeLimit(.minutes(30)))
struct RateLimitedBackendTests {
  private static func file(_ number: UInt8, _ type: BackendFileType = .data) throws -> BackendFile {
    let id: ID<Never> = SHA256.id(of: [number])
    return try #require(BackendFile(type: type, name: id.hex))
  }

  @Test("RateLimitedBackend keeps every rule of Backend")
  func conformance() async {
    let backend = RateLimitedBackend(
      MemoryBackend(), uploadLimit: 1 << 20, downloadLimit: 1 << 20, clock: TestClock(advancesOnSleep: true))
    #expect(await BackendConformance(backend).violations() == [])
  }

  @Test("saves and loads take as long as the rate demands", arguments: [true, false])
  func rate(isUpload: Bool) async throws {
    let clock = TestClock(advancesOnSleep: true)
    let start = clock.now
    let base = MemoryBackend()
    try await base.create()
    let backend = RateLimitedBackend(
      base, uploadLimit: isUpload ? 100_000 : nil, downloadLimit: isUpload ? nil : 100_000, clock: clock)
    let bytes = [UInt8](repeating: 7, count: 250_000)
    for number in 0..<10 as Range<UInt8> {
      if !isUpload { try await base.save(Self.file(number), bytes) }
      if isUpload {
        try await backend.save(Self.file(number), bytes)
      } else if number.isMultiple(of: 2) {
        _ = try await backend.load(Self.file(number))
      } else {
        _ = try await backend.load(Self.file(number), range: 0..<bytes.count)
      }
    }
    // 2.5 MB, without the first second's worth and the last file, which no later call waits for.
    let expected = Duration.seconds(21.5)
    let elapsed = start.duration(to: clock.now)
    #expect(elapsed >= expected - .milliseconds(10) && elapsed <= expected + .milliseconds(10), "\(elapsed)")
  }

  @Test("locks and small files do not wait behind large files, and a wait can be cancelled")
  func small() async throws {
    let clock = TestClock()
    let base = MemoryBackend()
    try await base.create()
    let backend = RateLimitedBackend(base, uploadLimit: 1000, downloadLimit: 1000, clock: clock)
    let large = [UInt8](repeating: 7, count: 1 << 20)
    try await backend.save(Self.file(1), large)
    _ = try await backend.load(Self.file(1))
    let waiting = Task { try await backend.save(Self.file(2), large) }
    let reading = Task { try await backend.load(Self.file(1)) }
    #expect(await clock.waitForSleepers(2))
    let lock = [UInt8](repeating: 1, count: 20_000)
    try await backend.save(Self.file(3, .lock), lock)
    #expect(try await backend.load(Self.file(3, .lock)).array == lock)
    try await backend.save(Self.file(4), [1, 2])
    #expect(try await backend.load(Self.file(4), range: 0..<2).array == [1, 2])

    waiting.cancel()
    reading.cancel()
    await #expect(throws: BackendError.self) { try await waiting.value }
    await #expect(throws: BackendError.self) { _ = try await reading.value }
    let file = try Self.file(2)
    await #expect(throws: BackendError.notFound(file)) { _ = try await base.byteCount(of: file) }
  }
}
