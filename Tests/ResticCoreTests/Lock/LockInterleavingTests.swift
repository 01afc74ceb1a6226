import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Locks of clients whose calls interleave")
struct LockInterleavingTests {
  private static func acquire(
    on repository: Repository, exclusive: Bool, _ stepper: Stepper, client: Int
  ) async throws -> RepositoryLock {
    var policy = LockPolicy()
    // No client refreshes its lock here.
    policy.pollInterval = .seconds(86_400)
    let wall: @Sendable () -> Timestamp = {
      Timestamp(seconds: 1_700_000_000 + stepper.now.components.seconds, nanoseconds: 0)
    }
    return try await RepositoryLock.acquire(
      on: repository, exclusive: exclusive, retryFor: .seconds(100), policy: policy,
      clock: LockClock(StepClock(stepper: stepper, client: client), wallTime: wall))
  }

  @Test(
    "in no order of the calls do a shared and an exclusive lock coexist", arguments: [false, true])
  func sharedAndExclusive(isImmediate: Bool) async throws {
    let storage = MemoryBackend()
    _ = try await TestRepository.create(on: storage)
    let backends = (0...1).map { SteppingBackend(storage, client: $0, isImmediate: isImmediate) }
    var repositories: [Repository] = []
    for (client, backend) in backends.enumerated() {
      var settings = TestRepository.settings()
      settings.identity.hostname = "host\(client)"
      repositories.append(try await TestRepository.open(backend, settings: settings))
    }
    let depth = 12
    var turnCounts = [0, 0, 0]
    for order in 0..<(1 << depth) {
      let stepper = Stepper()
      let result = Locked((holders: 0, turnCount: 0, fault: String?.none))
      for (client, repository) in repositories.enumerated() {
        backends[client].stepper.withLock { $0 = stepper }
        stepper.begin(client) {
          do {
            let lock = try await Self.acquire(on: repository, exclusive: client == 1, stepper, client: client)
            result.withLock { result in
              result.holders += 1
              if result.holders > 1 { result.fault = "both have their locks" }
            }
            await stepper.step(client)
            result.withLock { result in
              result.holders -= 1
              result.turnCount += 1
            }
            try await lock.release()
          } catch RepositoryError.locked {
            // In some orders both clients give up their locks again and again.
          } catch {
            result.withLock { $0.fault = "client \(client): \(error)" }
          }
        }
      }
      var step = 0
      let ended = await stepper.run(limit: 5000) { waiting in
        defer { step += 1 }
        return waiting[step < depth ? order >> step & 1 : step & 1]
      }
      let (_, turnCount, fault) = result.withLock { $0 }
      turnCounts[turnCount] += 1
      if let fault = fault ?? (ended ? nil : "no end") {
        Issue.record("order \(String(order, radix: 2)): \(fault)")
        return
      }
    }
    #expect(turnCounts[2] > 9 * (turnCounts[0] + turnCounts[1]), "\(turnCounts)")
  }
}
