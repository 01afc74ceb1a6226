import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// The tools that other tests stand on do bite.
@Suite("Test support")
struct TestSupportTests {
  @Test("MemoryBackend keeps every rule of Backend")
  func memory() async {
    #expect(await BackendConformance(MemoryBackend()).violations() == [])
  }

  @Test("FaultBackend without faults keeps every rule of Backend")
  func faultless() async {
    let backend = FaultBackend(MemoryBackend())
    #expect(await BackendConformance(backend).violations() == [])
    #expect(backend.callCount > 500)
  }

  @Test("the conformance checks find every kind of broken backend", arguments: Flaw.allCases)
  func conformanceBites(flaw: Flaw) async {
    #expect(await !BackendConformance(FlawedBackend(flaw)).violations().isEmpty)
  }

  @Test("the conformance checks find one failing call of any kind", arguments: BackendCall.Operation.allCases)
  func failingCallIsFound(operation: BackendCall.Operation) async {
    let backend = FaultBackend(MemoryBackend()) { call in
      call.operation == operation ? .nothingDone(FaultBackend.hiccup) : nil
    }
    #expect(await !BackendConformance(backend).violations().isEmpty)
  }

  @Test("a backend dies after exactly k calls and stays dead", arguments: 0...5)
  func death(after count: Int) async {
    let memory = MemoryBackend(files: [:])
    let backend = FaultBackend.dying(memory, afterCalls: count)
    for number in 1...8 {
      let file = Self.file(UInt8(number))
      if number <= count {
        await #expect(throws: Never.self) { try await backend.save(file, [1]) }
      } else {
        await #expect(throws: FaultBackend.death) { try await backend.save(file, [1]) }
        await #expect(throws: FaultBackend.death) { try await backend.list(.data) }
      }
    }
    #expect(memory.files.count == count)
  }

  @Test("a death with a lost answer stores one file more")
  func deathAfterStoring() async {
    let memory = MemoryBackend(files: [:])
    let backend = FaultBackend.dying(memory, afterCalls: 2, losingAnswer: true)
    for number in 1...5 {
      _ = try? await backend.save(Self.file(UInt8(number)), [1])
    }
    #expect(memory.files.count == 3)
  }

  @Test("deaths can be counted in writes")
  func deathAtWrite() async throws {
    let backend = FaultBackend.dying(MemoryBackend(files: [:]), afterCalls: 1, onlyWrites: true)
    for _ in 0..<5 { _ = try await backend.list(.data) }
    try await backend.save(Self.file(1), [1])
    _ = try await backend.list(.data)
    await #expect(throws: FaultBackend.death) { try await backend.save(Self.file(2), [1]) }
    await #expect(throws: FaultBackend.death) { try await backend.list(.data) }
  }

  @Test("one call fails and no other")
  func failingOnce() async throws {
    let backend = FaultBackend.failing(MemoryBackend(files: [.config: [1]]), call: 2)
    #expect(try await backend.load(.config).array == [1])
    await #expect(throws: FaultBackend.hiccup) { try await backend.load(.config) }
    #expect(try await backend.load(.config).array == [1])
    #expect(backend.calls.map(\.description) == ["#1 load config", "#2 load config", "#3 load config"])
  }

  @Test("a sleeper wakes at its time, and not before")
  func clock() async throws {
    let clock = TestClock(wallTime: .seconds(100))
    let task = Task { try await clock.sleep(for: .seconds(10)) }
    #expect(await clock.waitForSleepers())
    clock.advance(by: .seconds(9))
    clock.suspend(for: .seconds(1000))
    #expect(clock.sleeperCount == 1)
    clock.advance(by: .seconds(1))
    #expect(clock.sleeperCount == 0)
    try await task.value
    #expect(clock.wallTime == .seconds(1110))
    // There is no sleeper, however long the wait is.
    #expect(await clock.waitForSleepers(limit: .milliseconds(5)) == false)
  }

  @Test("a cancelled sleeper throws")
  func cancelledSleeper() async {
    let clock = TestClock()
    let task = Task { try await clock.sleep(for: .seconds(10)) }
    #expect(await clock.waitForSleepers())
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test("SplitMix64 gives the published numbers")
  func randomNumbers() {
    var random = SplitMix64(seed: 1_234_567)
    #expect(random.next() == 6_457_827_717_110_365_317)
    #expect(random.next() == 3_203_168_211_198_807_973)
    var one = SplitMix64(seed: 4)
    var other = SplitMix64(seed: 4)
    #expect(one.bytes(13) == other.bytes(13))
    #expect(one.bytes(13).count == 13)
  }

  @Test("a program gets its input, variables and folder, and its outputs and status come back")
  func process() async throws {
    let directory = try TemporaryDirectory()
    let runner = ProcessRunner(environment: ["GREETING": "hello", "HOME": nil], directory: directory.path)
    let script = "cat; echo $GREETING ${HOME-none}; pwd; echo oops >&2; exit 7"
    let result = try await runner.run("sh", ["-c", script], input: Array("in\n".utf8))
    #expect(result.status == .exited(7))
    #expect(result.output == "in\nhello none\n\(directory.path.string)\n")
    #expect(result.errorOutput == "oops\n")
    await #expect(throws: ProcessFailure.self) { try await runner.check("false") }
    #expect(try await runner.run("sh", ["-c", "kill -9 $$"]).status == .killed(signal: 9))
    await #expect(throws: (any Error).self) { try await runner.run("no-such-program-anywhere") }
  }

  @Test("a program that exceeds its time limit is killed with its children, and the error has its output")
  func processTimeout() async throws {
    let child = try await withGrowingLimit(from: .milliseconds(300)) { limit -> Int32? in
      let error = await #expect(throws: ProcessFailure.self) {
        try await ProcessRunner(timeout: limit).run("sh", ["-c", "sleep 1234 & echo $!; wait"])
      }
      guard case .timedOut(_, _, let result) = error else {
        Issue.record("got \(String(describing: error))")
        return 0
      }
      // Nil if the shell had not started its child when the limit struck.
      return Int32(result.output.prefix { $0 != "\n" })
    }
    try #require(child > 0)
    try await waitUntil { kill(child, 0) != 0 || ProcessTable.isZombie(child) }
  }

  @Test("a daemon that keeps its parent's descriptors open delays nobody")
  func daemon() async throws {
    let result = try await ProcessRunner(timeout: .seconds(300)).check("sh", ["-c", "sleep 600 & echo $!"])
    let child = try #require(Int32(result.output.prefix { $0 != "\n" }))
    #expect(kill(child, SIGKILL) == 0)
  }

  @Test("a stopped proxy accepts no connection of another proxy")
  func stoppedProxy() async throws {
    let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
    for _ in 0..<100 {
      // The next one's listener gets the number that this one's had.
      try FaultProxy().stop()
      let proxy = try FaultProxy { _ in .answer(answer) }
      for _ in 0..<3 {
        let origin = HTTPOrigin(scheme: .http, host: "127.0.0.1", port: Int(proxy.port))
        let transport = CurlTransport(origin: origin, credentials: nil, options: TransportOptions())
        #expect(try await transport.send(HTTPRequest(method: .get, target: "/")).isSuccess)
      }
    }
  }

  @Test("a temporary directory is removed with its last reference")
  func temporaryDirectory() async throws {
    var directory: TemporaryDirectory? = try TemporaryDirectory()
    let path = try #require(directory?.path.string)
    #expect(access(path, F_OK) == 0)
    directory = nil
    #expect(access(path, F_OK) != 0)
  }

  private static func file(_ number: UInt8) -> BackendFile {
    guard let id = PackID(bytes: [UInt8](repeating: number, count: 32)) else { preconditionFailure("32 bytes") }
    return .pack(id)
  }

  /// One way to break a rule of `Backend`.
  enum Flaw: String, CaseIterable, Sendable {
    case overwrites, refusesSameBytes, ignoresRangeEnd, wrongSize, listsNothing, forgetsRemovals, mixesTypes,
      ignoresLimit
  }

  /// A memory backend with a flaw.
  private final class FlawedBackend: BackendWrapper {
    let base: any Backend
    private let memory = MemoryBackend()
    private let flaw: Flaw

    init(_ flaw: Flaw) {
      self.flaw = flaw
      base = memory
    }

    func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
      if flaw == .overwrites { memory[file] = nil }
      if flaw == .refusesSameBytes, memory[file] != nil { throw .alreadyExists(file) }
      try await memory.save(file, bytes)
      if flaw == .mixesTypes, let other = BackendFile(type: .key, name: file.name) { memory[other] = bytes.array }
    }

    func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
      if flaw == .ignoresLimit, range == nil {
        return try await memory.load(file, range: 0..<memory.byteCount(of: file))
      }
      guard flaw == .ignoresRangeEnd, let range else { return try await memory.load(file, range: range) }
      let bytes = try await memory.load(file, range: nil).array
      return PooledBytes(copying: Array(bytes[min(range.lowerBound, bytes.count)..<min(range.upperBound, bytes.count)]))
    }

    func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
      try await memory.byteCount(of: file) + (flaw == .wrongSize ? 1 : 0)
    }

    func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
      flaw == .listsNothing ? [] : try await memory.list(type)
    }

    func remove(_ file: BackendFile) async throws(BackendError) {
      if flaw != .forgetsRemovals { try await memory.remove(file) }
    }
  }
}
