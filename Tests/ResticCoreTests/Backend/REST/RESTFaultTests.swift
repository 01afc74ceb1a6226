import Foundation
import Logging
import ResticTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import ResticCore

/// N5 and N7: a network and a server that fail now and then.
@Suite("RESTBackend with a proxy that fails", .timeLimit(.minutes(30)))
struct RESTFaultTests {
  private let directory: TemporaryDirectory
  private let server: RcloneServer
  private let proxy: FaultProxy
  private let backend: RESTBackend

  init() async throws {
    directory = try TemporaryDirectory()
    server = try await RcloneServer(folder: directory.path.appending("served"))
    let port = try #require(URL(string: server.url)?.port)
    proxy = try FaultProxy(upstream: UInt16(port))
    var options = TransportOptions()
    // A busy machine may take its time, and is no failure.
    options.connectTimeout = .seconds(300)
    backend = RESTBackend(try RESTLocation("\(proxy.url)vault"), options: options)
  }

  private func retrying(_ clock: TestClock = TestClock(advancesOnSleep: true), _ policy: RetryPolicy = RetryPolicy())
    -> RetryingBackend
  {
    RetryingBackend(
      backend, policy: policy, clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private static func answer(_ status: String, _ fields: [String] = []) -> FaultProxy.Treatment {
    let head = ["HTTP/1.1 \(status)", "Content-Length: 0"] + fields
    return .answer(Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8))
  }

  @Test("RESTBackend keeps every rule of Backend at a distance of 50 ms")
  func delay() async throws {
    proxy.treat { _ in .delay(.milliseconds(50)) }
    let limited = LimitedBackend(retrying(TestClock(advancesOnSleep: true)))
    let violations = await BackendConformance(limited, replacesFiles: true).violations()
    #expect(violations == [])
  }

  @Test("RESTBackend with retries keeps every rule of Backend while every fifth request fails in a different way")
  func faults() async throws {
    proxy.treat { request in
      // A DELETE that is repeated cannot tell that nothing was there in the first place.
      guard request.method != "DELETE" else { return .pass }
      // A request that is repeated has another number.
      return switch request.number % 25 {
      case 4: .cut
      case 9: Self.answer("503 Service Unavailable", ["Retry-After: 1"])
      case 14: .loseAnswer
      case 19: .truncate(1)
      case 24: Self.answer("429 Too Many Requests")
      default: .pass
      }
    }
    let clock = TestClock(advancesOnSleep: true)
    let violations = await BackendConformance(retrying(clock), replacesFiles: true).violations()
    #expect(violations == [])
    #expect(clock.sleeps.count > 50)
  }

  @Test("a request that is answered with 429 or 503 is retried after the time that the answer names, and not before")
  func retryAfter() async throws {
    try await backend.create()
    let later = Date(timeIntervalSinceNow: 100)
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "GMT")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    for (status, value, expected) in [
      ("503 Service Unavailable", "40", 40.0...40), ("429 Too Many Requests", "7", 7...7),
      ("503 Service Unavailable", formatter.string(from: later), 60...101),
    ] {
      proxy.treat { $0.number == 0 ? Self.answer(status, ["Retry-After: \(value)"]) : .pass }
      let clock = TestClock(advancesOnSleep: true)
      #expect(try await retrying(clock).list(.key).isEmpty)
      #expect(clock.sleeps.count == 1 && expected.contains((clock.sleeps.first ?? .zero) / .seconds(1)), "\(value)")
    }
    // Longer than the retry limit: the error says so at once.
    proxy.treat { _ in Self.answer("503 Service Unavailable", ["Retry-After: 99999999999"]) }
    let clock = TestClock(advancesOnSleep: true)
    let error = await #expect(throws: BackendError.self) { try await retrying(clock).list(.key) }
    guard case .busy = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(clock.sleeps == [])
  }

  @Test(
    "a permanent error is not retried, and the message names the host, the status and the remedy",
    arguments: [
      ("401 Unauthorized", "RESTIC_REST_USERNAME"), ("403 Forbidden", "append-only"),
      ("405 Method Not Allowed", "REST server"),
      ("413 Too Large", "client_max_body_size"), ("507 Insufficient Storage", "no space"),
      ("301 Moved Permanently", "https://elsewhere/x"), ("501 Not Implemented", "REST server"),
    ])
  func permanent(status: String, said: String) async throws {
    try await backend.create()
    proxy.treat { request in
      // Whether the file is there is asked after a 403.
      request.method == "GET" ? .pass : Self.answer(status, ["Location: https://u:geheim@elsewhere/x?geheim"])
    }
    let clock = TestClock(advancesOnSleep: true)
    let file = BackendFile.pack(SHA256.id(of: [1]))
    let error = await #expect(throws: BackendError.self) { try await retrying(clock).save(file, [1]) }
    let message = error.map { "\($0)" } ?? ""
    #expect(message.contains("127.0.0.1:\(proxy.port)") && message.contains(String(status.prefix(3))))
    #expect(message.contains(said) && !message.contains("geheim"))
    #expect(error?.isRetryable == false && clock.sleeps == [])
    #expect(proxy.requests.filter { $0.method == "POST" }.count == 1)
  }

  @Test("an invalid list is a permanent error; a list that rclone does not find is retried")
  func lists() async throws {
    proxy.treat { _ in
      .answer(Array("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>".utf8))
    }
    let error = await #expect(throws: BackendError.self) { try await backend.list(.key) }
    #expect(
      error.map { !$0.isRetryable && "\($0)".contains("did not answer with a list of keys") } == true,
      "\(String(describing: error))")
    proxy.treat { _ in Self.answer("404 Not Found", ["Server: rclone/v1.75.2"]) }
    let later = await #expect(throws: BackendError.self) { try await backend.list(.key) }
    #expect(later?.isRetryable == true)
    proxy.treat { _ in Self.answer("404 Not Found", ["Server: nginx"]) }
    #expect(try await backend.list(.key).isEmpty)
  }

  @Test("a config that rclone does not find counts as missing only if there are no keys")
  func hiddenConfig() async throws {
    try await retrying().create()
    let missing = Self.answer("404 Not Found", ["Server: rclone/v1.60.1"])
    proxy.treat { $0.target == "/vault/config" && $0.method != "POST" ? missing : .pass }
    await #expect(throws: BackendError.notFound(.config)) { try await backend.byteCount(of: .config) }
    await #expect(throws: BackendError.notFound(.config)) { try await backend.load(.config) }
    let key = try #require(BackendFile(type: .key, name: SHA256.id(of: [1], as: KeyID.self).hex))
    try await retrying().save(key, [1])
    try await retrying().save(.config, [1])
    for attempt in [
      { try await _ = backend.byteCount(of: .config) }, { try await _ = backend.load(.config) },
    ] as [() async throws -> Void] {
      let error = await #expect(throws: BackendError.self) { try await attempt() }
      #expect(error?.isRetryable == true, "\(String(describing: error))")
    }
    proxy.treat { _ in .pass }
    #expect(try await retrying().load(.config).array == [1])
  }

  @Test("a list of version 1 has names only: the sizes are requested, and vanished files are left out")
  func firstVersion() async throws {
    try await backend.create()
    let files = try (0..<20).map { number in
      try #require(BackendFile(type: .index, name: SHA256.id(of: [number], as: IndexID.self).hex))
    }
    for (number, file) in files.enumerated() { try await backend.save(file, [UInt8](repeating: 1, count: number)) }
    let gone = SHA256.id(of: [99], as: IndexID.self).hex
    let names = (files.map(\.name) + [gone, "README"]).map { "\"\($0)\"" }.joined(separator: ",")
    let list = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.x.restic.rest.v1\r\nContent-Length: "
    let answer = Array("\(list)\(names.utf8.count + 2)\r\n\r\n[\(names)]".utf8)
    proxy.treat { $0.target == "/vault/index/" ? .answer(answer) : .pass }
    let expected = files.enumerated().map { BackendEntry(file: $1, byteCount: $0) }
    #expect(try await Set(backend.list(.index)) == Set(expected))
  }

  @Test("the error distinguishes a server without ranges from a file that is too short")
  func ranges() async throws {
    let file = BackendFile.pack(SHA256.id(of: [1]))
    let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789".utf8)
    proxy.treat { _ in .answer(answer) }
    #expect(try await backend.load(file, range: 0..<10).byteCount == 10)
    await #expect(throws: BackendError.truncated(file)) { try await backend.load(file, range: 0..<11) }
    for range in [0..<9, 1..<10, 5..<15] {
      let error = await #expect(throws: BackendError.self) { try await backend.load(file, range: range) }
      #expect(error.map { "\($0)".contains("whole files") } == true)
    }
    proxy.treat { _ in Self.answer("416 Range Not Satisfiable") }
    await #expect(throws: BackendError.truncated(file)) { try await backend.load(file, range: 5..<15) }
  }

  @Test("a server that never answered is an error within seconds; a server that has answered is waited for")
  func contact() async throws {
    let clock = TestClock(advancesOnSleep: true)
    let backend = retrying(clock)
    proxy.stop()
    let error = await #expect(throws: BackendError.self) { try await backend.list(.key) }
    guard case .unreachable(let message) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(message.contains("127.0.0.1:\(proxy.port)"))
    #expect(clock.sleeps.reduce(.zero, +) <= .seconds(5))
  }

  @Test("a server that was reached once is waited for until the retry limit")
  func contactLost() async throws {
    let clock = TestClock(advancesOnSleep: true)
    let backend = retrying(clock)
    #expect(try await backend.list(.key).isEmpty)
    proxy.stop()
    await #expect(throws: BackendError.self) { try await backend.list(.key) }
    #expect(clock.sleeps.reduce(.zero, +) > .seconds(600))
  }
}
