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

    func cache(lifetime: Int64?) -> CredentialCache {
      CredentialCache(
        ScriptedCredentials { () throws(CredentialError) in
          guard !self.isDown.withLock({ $0 }) else { throw CredentialError("away", isPassing: true) }
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

  @Test("credentials are renewed when four fifths of their time are over")
  func renewal() async throws {
    let world = World()
    let cache = world.cache(lifetime: 1000)
    #expect(try await cache.current().accessKeyID == "KEY1")
    world.set(1799)
    #expect(try await cache.current().accessKeyID == "KEY1")
    world.set(1800)
    #expect(try await cache.current().accessKeyID == "KEY2")
    #expect(try await cache.current().accessKeyID == "KEY2")
  }

  @Test("those without an end are fetched once; many who ask at once cause one fetch")
  func once() async throws {
    let world = World()
    let cache = world.cache(lifetime: nil)
    await withTaskGroup { group in
      for _ in 0..<32 { group.addTask { _ = try? await cache.current() } }
    }
    world.set(1 << 40)
    #expect(try await cache.current().accessKeyID == "KEY1" && world.count.withLock { $0 } == 1)
  }

  @Test("where no new ones can be had the old ones are used until their end, and asked for again a minute later")
  func outage() async throws {
    let world = World()
    let cache = world.cache(lifetime: 1000)
    _ = try await cache.current()
    world.isDown.withLock { $0 = true }
    world.set(1900)
    #expect(try await cache.current().accessKeyID == "KEY1")
    world.isDown.withLock { $0 = false }
    world.set(1950)
    #expect(try await cache.current().accessKeyID == "KEY1")
    world.set(1961)
    #expect(try await cache.current().accessKeyID == "KEY2")
    world.isDown.withLock { $0 = true }
    world.set(4000)
    await #expect(throws: CredentialError.self) { try await cache.current() }
  }

  @Test("the server's word that they have expired counts, once")
  func expired() async throws {
    let world = World()
    let cache = world.cache(lifetime: nil)
    let first = try await cache.current()
    #expect(await cache.renew(after: first))
    #expect(await cache.renew(after: first))
    #expect(world.count.withLock { $0 } == 2)
    let same = CredentialCache(ScriptedCredentials { () throws(CredentialError) in try .test() }, missing: .missing)
    #expect(await same.renew(after: try same.current()) == false)
  }

  @Test("none is an error that says what to set")
  func missing() async {
    let cache = CredentialCache(ScriptedCredentials { () throws(CredentialError) in nil }, missing: .missing)
    let error = await #expect(throws: CredentialError.self) { try await cache.current() }
    #expect(error?.description.contains("AWS_ACCESS_KEY_ID") == true)
  }
}
