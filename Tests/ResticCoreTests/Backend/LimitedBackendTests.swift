import ResticTestSupport
import Synchronization
import Testing

@testable import ResticCore

@Suite("LimitedBackend", .timeLimit(.minutes(30)))
struct LimitedBackendTests {
  private static func pack(_ number: UInt8) throws -> BackendFile {
    .pack(try #require(PackID(bytes: [UInt8](repeating: number, count: 32))))
  }

  @Test("LimitedBackend keeps every rule of Backend", arguments: [1, 5])
  func conformance(connections: Int) async {
    #expect(await BackendConformance(LimitedBackend(MemoryBackend(), connections: connections)).violations() == [])
  }

  @Test("as many calls as allowed run at the same time, and never more", arguments: [1, 2, 5])
  func limit(connections: Int) async throws {
    let counting = CountingBackend(expecting: connections)
    let limited = LimitedBackend(counting, connections: connections)
    try await withThrowingTaskGroup { group in
      for number in 0..<UInt8(40) {
        group.addTask { try await limited.save(Self.pack(number), [number]) }
      }
      try await group.waitForAll()
    }
    #expect(counting.running.highest == connections)
    #expect(counting.running.current == 0)
  }

  @Test("without the limit more calls run at the same time")
  func limitBites() async throws {
    let counting = CountingBackend(expecting: 6)
    try await withThrowingTaskGroup { group in
      for number in 0..<UInt8(40) {
        group.addTask { try await counting.save(Self.pack(number), [number]) }
      }
      try await group.waitForAll()
    }
    #expect(counting.running.highest > 5)
  }

  @Test("lock files, and the config that is read before one is written, pass while every connection is taken")
  func lockBypass() async throws {
    let blocked = Gatekeeper()
    let limited = LimitedBackend(StallingBackend(blocked), connections: 1)
    let stalled = Task { try await limited.save(Self.pack(1), [1]) }
    try await blocked.waitForArrival()
    let lock = BackendFile.lock(try #require(LockID(bytes: [UInt8](repeating: 9, count: 32))))
    try await limited.save(lock, [1])
    #expect(try await limited.list(.lock).map(\.file) == [lock])
    #expect(try await limited.load(lock).array == [1])
    try await limited.remove(lock)
    try await limited.save(.config, [2])
    #expect(try await limited.load(.config).array == [2])
    blocked.open()
    try await stalled.value
  }

  @Test("the longest waiting call goes first")
  func order() async throws {
    let gate = ConnectionGate(connections: 1)
    #expect(await gate.enter())
    let order = Order()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<20 {
        group.addTask {
          #expect(await gate.enter())
          order.append(number)
          gate.leave()
        }
        try await waitUntil { gate.waitingCount > number }
      }
      gate.leave()
    }
    #expect(order.numbers == Array(0..<20))
  }

  @Test("a cancelled wait ends at once, takes no connection and lets the others through")
  func cancellation() async throws {
    let gate = ConnectionGate(connections: 1)
    #expect(await gate.enter())
    let first = Task { await gate.enter() }
    try await waitUntil { gate.waitingCount >= 1 }
    let second = Task { await gate.enter() }
    try await waitUntil { gate.waitingCount >= 2 }
    first.cancel()
    #expect(await first.value == false)
    #expect(gate.waitingCount == 1)
    gate.leave()
    #expect(await second.value)
    gate.leave()
    #expect(await gate.enter())
  }

  @Test("connections survive any mix of cancellations")
  func cancellationStorm() async throws {
    let gate = ConnectionGate(connections: 3)
    var random = SplitMix64(seed: 5)
    await withTaskGroup { group in
      for _ in 0..<500 {
        let cancels = Bool.random(using: &random)
        group.addTask {
          let task = Task {
            guard await gate.enter() else { return }
            await Task.yield()
            gate.leave()
          }
          if cancels { task.cancel() }
          await task.value
        }
      }
    }
    #expect(gate.waitingCount == 0)
    for _ in 0..<3 {
      #expect(await gate.enter())
    }
    let fourth = Task { await gate.enter() }
    try await waitUntil { gate.waitingCount >= 1 }
    fourth.cancel()
    #expect(await fourth.value == false)
  }

  @Test(
    "an overloaded storage gets half as many calls at a time, down to one, and then slowly more again"
  )
  func overload() async throws {
    let allowance = ConnectionAllowance(connections: 5)
    let busy = BackendError.busy("slow down", retryAfter: .zero)
    // Several calls that were under way together are one reason.
    let door = Gatekeeper()
    let together = (0..<5).map { _ in
      Task {
        try await allowance.pass { () async throws(BackendError) -> Void in
          await door.wait()
          throw busy
        }
      }
    }
    try await door.waitForArrivals(5)
    door.open()
    for task in together { await #expect(throws: busy) { try await task.value } }
    #expect(allowance.current == 2)
    for _ in 0..<3 {
      await #expect(throws: busy) { try await allowance.pass { () async throws(BackendError) -> Void in throw busy } }
    }
    #expect(allowance.current == 1)
    // Another failure says nothing of that.
    await #expect(throws: BackendError.unavailable("x")) {
      try await allowance.pass { () async throws(BackendError) -> Void in throw .unavailable("x") }
    }
    for _ in 0..<20 { try await allowance.pass { () async throws(BackendError) -> Void in } }
    #expect(allowance.current == 2)
    for _ in 0..<100 { try await allowance.pass { () async throws(BackendError) -> Void in } }
    #expect(allowance.current == 5)
  }

  @Test("with fewer connections fewer calls run at the same time, and all calls are made", arguments: [1, 2, 3])
  func fewerConnections(rest: Int) async throws {
    let gate = ConnectionGate(connections: 5)
    for _ in 0..<5 { #expect(await gate.enter()) }
    gate.change(by: rest - 5)
    let running = RunningCount()
    await withTaskGroup { group in
      for _ in 0..<20 {
        group.addTask {
          #expect(await gate.enter())
          running.enter()
          await Task.yield()
          running.leave()
          gate.leave()
        }
      }
      for _ in 0..<5 { gate.leave() }
    }
    #expect(running.highest <= rest && running.current == 0)
    for _ in 0..<rest { #expect(await gate.enter()) }
    let next = Task { await gate.enter() }
    try await waitUntil { gate.waitingCount == 1 }
    gate.change(by: 1)
    #expect(await next.value)
  }

  @Test("a call that is cancelled while it waits is not made")
  func cancelledCall() async throws {
    let blocked = Gatekeeper()
    let base = FaultBackend(StallingBackend(blocked))
    let limited = LimitedBackend(base, connections: 1)
    let stalled = Task { try await limited.save(Self.pack(1), [1]) }
    try await blocked.waitForArrival()
    let waiting = Task { try await limited.save(Self.pack(2), [2]) }
    waiting.cancel()
    await #expect(throws: BackendError.unavailable("cancelled while waiting for a connection")) {
      try await waiting.value
    }
    blocked.open()
    try await stalled.value
    #expect(base.callCount == 1)
  }
}

/// Counts how many saves are under way at the same time. A save ends once `expected` of them have been.
private final class CountingBackend: BackendWrapper {
  let base: any Backend = MemoryBackend(files: [:])
  let running = RunningCount()
  private let expected: Int

  init(expecting expected: Int) { self.expected = expected }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    running.enter()
    defer { running.leave() }
    // If the other calls do not arrive in time, the test finds the count too low.
    try? await waitUntil { running.highest >= expected }
    try await base.save(file, bytes)
  }
}

/// A door that a call waits at until the test opens it.
private final class Gatekeeper: Sendable {
  private let state = Mutex((arrivalCount: 0, isOpen: false))

  func wait() async {
    state.withLock { $0.arrivalCount += 1 }
    while !state.withLock({ $0.isOpen }), !Task.isCancelled { await Task.yield() }
  }

  func waitForArrival() async throws { try await waitForArrivals(1) }

  func waitForArrivals(_ count: Int) async throws {
    try await waitUntil { state.withLock { $0.arrivalCount >= count } }
  }

  func open() { state.withLock { $0.isOpen = true } }
}

/// Numbers in the order in which tasks wrote them down.
private final class Order: Sendable {
  private let recorded = Mutex<[Int]>([])

  var numbers: [Int] { recorded.withLock { $0 } }
  func append(_ number: Int) { recorded.withLock { $0.append(number) } }
}

/// Saves of packs wait at a door.
private final class StallingBackend: BackendWrapper {
  let base: any Backend = MemoryBackend(files: [:])
  private let door: Gatekeeper

  init(_ door: Gatekeeper) {
    self.door = door
  }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    if file.type == .data { await door.wait() }
    try await base.save(file, bytes)
  }
}
