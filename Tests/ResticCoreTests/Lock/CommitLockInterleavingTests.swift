import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Commit locks of clients whose calls interleave")
struct CommitLockInterleavingTests {
  /// Some clients of one repository.
  private final class Contest: Sendable {
    let storage: MemoryBackend
    let backends: [SteppingBackend]
    let repositories: [Repository]

    /// One client for each element, which says whether its listings count as immediate.
    init(isImmediate: [Bool]) async throws {
      let storage = MemoryBackend()
      _ = try await TestRepository.create(on: storage)
      self.storage = storage
      backends = isImmediate.enumerated().map { client, isImmediate in
        SteppingBackend(storage, client: client, isImmediate: isImmediate)
      }
      var repositories: [Repository] = []
      for (client, backend) in backends.enumerated() {
        var settings = TestRepository.settings()
        settings.identity.hostname = "host\(client)"
        repositories.append(try await TestRepository.open(backend, settings: settings))
      }
      self.repositories = repositories
    }

    /// Every client takes the lock once, in the order of steps that `choose` makes. Returns the violation, or nil.
    func play(choose: @escaping ([Int]) -> Int) async -> String? {
      let stepper = Stepper()
      let result = Locked((holder: Int?.none, turnCount: 0, fault: String?.none))
      for (client, repository) in repositories.enumerated() {
        backends[client].stepper.withLock { $0 = stepper }
        stepper.begin(client) {
          do {
            let wall: @Sendable () -> Timestamp = {
              Timestamp(seconds: 1_700_000_000 + stepper.now.components.seconds, nanoseconds: 0)
            }
            var policy = LockPolicy()
            // No client refreshes its lock here, so none counts as dead.
            policy.pollInterval = .seconds(86_400)
            policy.commit.deadAfter = .seconds(86_400)
            policy.commit.lossTimeout = .seconds(86_400)
            let lock = try await CommitLock.acquire(
              on: repository, retryFor: .seconds(3600), policy: policy,
              clock: LockClock(StepClock(stepper: stepper, client: client), wallTime: wall))
            result.withLock { result in
              if let other = result.holder { result.fault = "\(client) got the lock that \(other) has" }
              result.holder = client
            }
            try await lock.confirm()
            await stepper.step(client)
            try await lock.confirm()
            result.withLock { result in
              result.turnCount += 1
              result.holder = nil
            }
            try await lock.release()
          } catch {
            result.withLock { $0.fault = "client \(client): \(error)" }
          }
        }
      }
      let ended = await stepper.run(limit: 5000, choose: choose)
      guard ended else { return "no end" }
      let (_, turnCount, fault) = result.withLock { $0 }
      if let fault { return fault }
      if turnCount != repositories.count { return "only \(turnCount) had the lock" }
      return storage.files.keys.contains { $0.type == .lock } ? "a lock was left" : nil
    }
  }

  @Test(
    "in every order of two clients' calls, one client at a time has the lock, and both get it",
    arguments: [[false, false], [true, true], [true, false]])
  func twoClients(isImmediate: [Bool]) async throws {
    let contest = try await Contest(isImmediate: isImmediate)
    // Each bit is one choice; from the last one on the two take turns.
    let depth = 14
    for order in 0..<(1 << depth) {
      var step = 0
      let fault = await contest.play { waiting in
        defer { step += 1 }
        return waiting[step < depth ? order >> step & 1 : step & 1]
      }
      if let fault {
        Issue.record("order \(String(order, radix: 2)): \(fault)")
        return
      }
    }
  }

  @Test(
    "one client stops before its step k, for every k, while the other client goes on", arguments: 0...1,
    [false, true])
  func oneStops(stopped: Int, isImmediate: Bool) async throws {
    let contest = try await Contest(isImmediate: [isImmediate, isImmediate])
    for first in 0...20 {
      for rest in [4, 8, 12, 20, 40] {
        var counts = [0, 0]
        let fault = await contest.play { waiting in
          let isStopped = counts[stopped] >= first && counts[1 - stopped] < first + rest
          let turn = counts[0] <= counts[1] ? 0 : 1
          let next = counts[stopped] < first ? stopped : isStopped ? 1 - stopped : turn
          let chosen = waiting.contains(next) ? next : waiting[0]
          counts[chosen] += 1
          return chosen
        }
        if let fault {
          Issue.record("stopped at \(first) for \(rest): \(fault)")
          return
        }
      }
    }
  }

  @Test("many clients in random orders have the lock one at a time", arguments: [3, 5], [false, true])
  func manyClients(count: Int, isImmediate: Bool) async throws {
    let contest = try await Contest(isImmediate: Array(repeating: isImmediate, count: count))
    for seed in 0..<150 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      let fault = await contest.play { waiting in waiting[Int(random.next() % UInt64(waiting.count))] }
      if let fault {
        Issue.record("seed \(seed): \(fault)")
        return
      }
    }
  }
}
