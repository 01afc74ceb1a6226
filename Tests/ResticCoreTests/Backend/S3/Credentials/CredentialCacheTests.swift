import ResticTestSupport
import Synchronization
import Testing

@testable import ResticCore

@Suite("CredentialCache")
struct CredentialCacheTests {
  /// A clock, and a provider that counts how often it is asked.
  private final class World: Sendable {
    let now = Mutex<Int64>(1000)
    let count = Mutex(0)
    let isDown = Mutex(false)
    /// Fetches that failed.
    let failedCount = Mutex(0)

    func cache(lifetime: Int64?) -> CredentialCache {
      CredentialCache(
        ScriptedCredentials { () throws(CredentialError) in
          guard !self.isDown.withLock({ $0 }) else {
            self.failedCount.withLock { $0 += 1 }
            throw CredentialError("away", isPassing: true)
          }
          let number = self.count.withLock { count in
            count += 1
            return count
          }
          let end = lifetime.map { lifetime in self.now.withLock { $0 + lifetime } }
          return try .test("KEY\(number)", expiration: end)
        }, missing: .missing, now: { self.now.withLock { $0 } })
    }

    func set(_ time: Int64) { now.withLock { $0 = time } }
  }

  @Test("credentials are renewed after four fifths of their lifetime")
  func renewal() async throws {
    let world = World()
    let cache = world.cache(lifetime: 1000)
    #expect(try await cache.current().accessKeyID == "KEY1")
    world.set(1799)
    #expect(try await cache.current().accessKeyID == "KEY1")
    world.set(1800)
    // No caller waits for the new credentials.
    #expect(try await cache.current().accessKeyID == "KEY1")
    try await waitUntil { world.count.withLock { $0 } == 2 }
    try await Self.expect("KEY2", from: cache)
  }

  @Test("credentials without an expiry are fetched once; many simultaneous callers cause one fetch")
  func once() async throws {
    let world = World()
    let cache = world.cache(lifetime: nil)
    await withTaskGroup { group in
      for _ in 0..<32 { group.addTask { _ = try? await cache.current() } }
    }
    world.set(1 << 40)
    #expect(try await cache.current().accessKeyID == "KEY1" && world.count.withLock { $0 } == 1)
  }

  @Test("if a renewal fails the old credentials are used until they expire, and the renewal is retried every minute")
  func outage() async throws {
    let world = World()
    let cache = world.cache(lifetime: 1000)
    _ = try await cache.current()
    world.isDown.withLock { $0 = true }
    world.set(1900)
    #expect(try await cache.current().accessKeyID == "KEY1")
    try await waitUntil { world.failedCount.withLock { $0 } == 1 }
    world.set(1975)
    // The credentials expire too soon to be useful, and there are no others.
    #expect(try await cache.current().accessKeyID == "KEY1")
    world.isDown.withLock { $0 = false }
    world.set(1990)
    #expect(try await cache.current().accessKeyID == "KEY1")
    world.set(2036)
    #expect(try await cache.current().accessKeyID == "KEY2")
    world.isDown.withLock { $0 = true }
    world.set(4000)
    await #expect(throws: CredentialError.self) { try await cache.current() }
  }

  @Test("a server's report that the credentials have expired causes one renewal")
  func expired() async throws {
    let world = World()
    let cache = world.cache(lifetime: nil)
    let first = try await cache.current()
    #expect(try await cache.renew(after: first))
    #expect(try await cache.renew(after: first))
    #expect(world.count.withLock { $0 } == 2)
    let same = CredentialCache(ScriptedCredentials { () throws(CredentialError) in try .test() }, missing: .missing)
    let used = try await same.current()
    #expect(try await same.renew(after: used) == false)
  }

  @Test("a hanging renewal delays nobody while the old credentials are valid")
  func stuck() async throws {
    let now = Mutex<Int64>(1000)
    let count = FetchCount(0)
    let (stream, end) = AsyncStream.makeStream(of: Void.self)
    let cache = CredentialCache(
      StuckCredentials(count: count, stream: stream), missing: .missing, now: { now.withLock { $0 } })
    #expect(try await cache.current().accessKeyID == "KEY1")
    now.withLock { $0 = 1900 }
    try await withTimeLimit {
      for _ in 0..<100 {
        let key = try await cache.current().accessKeyID
        #expect(key == "KEY1")
      }
    }
    try await waitUntil { count.value == 2 }
    end.finish()
    try await Self.expect("KEY2", from: cache)
  }

  private final class Heard: Sendable {
    let error = Mutex<CredentialError?>(nil)
  }

  /// The error of a task that is cancelled while it waits. A task that is cancelled before it begins to wait goes on waiting, so
  /// several tasks are tried.
  private static func cancelled(_ cache: CredentialCache) async throws -> CredentialError {
    let heard = Heard()
    for _ in 0..<1000 where heard.error.withLock({ $0 == nil }) {
      let task = Task {
        do throws(CredentialError) {
          _ = try await cache.current()
        } catch {
          heard.error.withLock { $0 = error }
        }
      }
      // If either pause is too short the loop tries again.
      try await Task.sleep(for: .milliseconds(20))
      task.cancel()
      try await Task.sleep(for: .milliseconds(20))  // As above.
    }
    return try #require(heard.error.withLock { $0 })
  }

  @Test(
    "a caller that is cancelled while another caller's fetch hangs stops waiting; a caller that began cancelled waits")
  func cancelledWait() async throws {
    let (stream, end) = AsyncStream.makeStream(of: Void.self)
    let count = FetchCount(1)
    let cache = CredentialCache(
      StuckCredentials(count: count, stream: stream), missing: .missing, now: { 1000 })
    let first = Task { try await cache.current() }
    try await waitUntil { count.value == 2 }
    let third = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await cache.current()
    }
    third.cancel()
    let error = try await Self.cancelled(cache)
    #expect(error.isPassing)
    end.finish()
    #expect(try await first.value.accessKeyID == "KEY2")
    #expect(try await third.value.accessKeyID == "KEY2" && count.value == 2)
  }

  @Test("a service without credentials may have some later")
  func goneForAWhile() async throws {
    let isGone = Mutex(false)
    let now = Mutex<Int64>(1000)
    let cache = CredentialCache(
      ScriptedCredentials { () throws(CredentialError) in
        guard !isGone.withLock({ $0 }) else { return nil }
        return try .test("KEY", expiration: now.withLock { $0 } + 1000)
      }, missing: .missing, now: { now.withLock { $0 } })
    _ = try await cache.current()
    isGone.withLock { $0 = true }
    now.withLock { $0 = 5000 }
    let error = await #expect(throws: CredentialError.self) { try await cache.current() }
    #expect(error?.isPassing == true)
    isGone.withLock { $0 = false }
    #expect(try await cache.current().accessKeyID == "KEY")
  }

  @Test("a wrong clock, by which new credentials have expired, does not cause a fetch per request")
  func fastClock() async throws {
    let world = World()
    let cache = world.cache(lifetime: -5000)
    for _ in 0..<10 { #expect(try await cache.current().accessKeyID == "KEY1") }
  }

  @Test("it is unknown whether an unreachable service has other credentials")
  func renewalFails() async throws {
    let world = World()
    let cache = world.cache(lifetime: nil)
    let first = try await cache.current()
    world.isDown.withLock { $0 = true }
    await #expect(throws: CredentialError.self) { try await cache.renew(after: first) }
    world.isDown.withLock { $0 = false }
    #expect(try await cache.renew(after: first))
  }

  /// How often credentials were asked for.
  private final class FetchCount: Sendable {
    private let count: Mutex<Int>

    init(_ count: Int) { self.count = Mutex(count) }

    var value: Int { count.withLock { $0 } }

    func next() -> Int {
      count.withLock { count in
        count += 1
        return count
      }
    }
  }

  /// The first credentials come at once, the next ones when `stream` ends.
  private struct StuckCredentials: CredentialProvider {
    let count: FetchCount
    let stream: AsyncStream<Void>

    func credentials() async throws(CredentialError) -> S3Credentials? {
      let number = count.next()
      if number > 1 { for await _ in stream {} }
      return try .test("KEY\(number)", expiration: Int64(number * 1000 + 1000))
    }
  }

  /// Waits until `cache` has the credentials with `key`, which a task of its own stores.
  private static func expect(_ key: String, from cache: CredentialCache) async throws {
    try await withTimeLimit {
      while try await cache.current().accessKeyID != key { await Task.yield() }
    }
  }

  @Test("missing credentials are an error with advice")
  func missing() async {
    let cache = CredentialCache(ScriptedCredentials { () throws(CredentialError) in nil }, missing: .missing)
    let error = await #expect(throws: CredentialError.self) { try await cache.current() }
    #expect(error?.description.contains("AWS_ACCESS_KEY_ID") == true)
  }
}
