import Testing

@testable import ResticCore

@Suite("The asynchronous gate")
struct AsyncGateTests {
  @Test("only one task at a time is inside, and all tasks get in")
  func exclusion() async {
    let gate = AsyncGate()
    let counts = Counts()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 {
        group.addTask {
          await gate.pass {
            counts.enter()
            await Task.yield()
            counts.leave()
          }
        }
      }
    }
    #expect(counts.state.withLock { $0.most } == 1)
    #expect(counts.state.withLock { $0.passed } == 50)
  }

  @Test("an error inside opens the gate again")
  func errors() async {
    let gate = AsyncGate()
    for _ in 0..<3 {
      await #expect(throws: RepositoryError.self) {
        try await gate.pass { () async throws(RepositoryError) in throw .wrongPassword }
      }
    }
  }

  @Test("parallel work is bounded, and the first failure ends it")
  func boundedWork() async throws {
    let counts = Counts()
    try await forEachConcurrently(Array(0..<40), limit: 4) { _ async throws(RepositoryError) in
      counts.enter()
      await Task.yield()
      counts.leave()
    }
    #expect(counts.state.withLock { $0.passed } == 40)
    #expect(counts.state.withLock { $0.most } <= 4)

    let failing = Counts()
    await #expect(throws: RepositoryError.self) {
      try await forEachConcurrently(Array(0..<1000), limit: 2) { number async throws(RepositoryError) in
        failing.enter()
        failing.leave()
        if number == 3 { throw .wrongPassword }
      }
    }
    #expect(failing.state.withLock { $0.passed } < 1000)
  }
}

/// How many tasks are, and at most were, in a place.
private final class Counts: Sendable {
  struct State {
    var inside = 0
    var most = 0
    var passed = 0
  }

  let state = Locked(State())

  func enter() {
    state.withLock { state in
      state.inside += 1
      state.most = max(state.most, state.inside)
    }
  }

  func leave() {
    state.withLock { state in
      state.inside -= 1
      state.passed += 1
    }
  }
}
