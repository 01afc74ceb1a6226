import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// N5 and N7: a network and a server that fail now and then.
@Suite("S3Backend with a proxy that fails", .timeLimit(.minutes(30)))
struct S3FaultTests {
  private let directory: TemporaryDirectory
  private let server: RcloneS3Server
  private let proxy: FaultProxy
  private let backend: S3Backend

  init() async throws {
    directory = try TemporaryDirectory()
    server = try await RcloneS3Server(folder: directory.path.appending("served"))
    proxy = try FaultProxy(upstream: server.port)
    backend = try S3Bucket.backend(server.location("vault/p", port: proxy.port))
  }

  private static func answer(_ status: String, _ code: String = "", _ fields: [String] = []) -> FaultProxy.Treatment {
    let body = code.isEmpty ? "" : "<Error><Code>\(code)</Code><Message>words</Message></Error>"
    let head = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + fields
    return .answer(Array((head.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8))
  }

  @Test("S3Backend keeps every rule of Backend at a distance of 50 ms")
  func delay() async throws {
    proxy.treat { _ in .delay(.milliseconds(50)) }
    let named = HashNamedBackend(S3Bucket.retrying(backend))
    let violations = await BackendConformance(named, replacesFiles: true, tellsMissing: false).violations()
    #expect(violations == [])
  }

  @Test("S3Backend with retries keeps every rule of Backend while every fifth request fails in a different way")
  func faults() async throws {
    proxy.treat { request in
      // A HEAD's answer has no body that could end early.
      switch request.number % 25 {
      case 4: .cut
      case 9: Self.answer("503 Slow Down", request.method == "HEAD" ? "" : "SlowDown", ["Retry-After: 1"])
      case 14: .loseAnswer
      case 19 where request.method == "GET": .truncate(1)
      case 24: Self.answer("500 Internal Server Error", request.method == "HEAD" ? "" : "InternalError")
      default: .pass
      }
    }
    let clock = TestClock(advancesOnSleep: true)
    let named = HashNamedBackend(S3Bucket.retrying(backend, clock))
    let violations = await BackendConformance(named, replacesFiles: true, tellsMissing: false).violations()
    #expect(violations == [])
    #expect(clock.sleeps.count > 50)
  }

  @Test("a broken upload leaves nothing that counts as a file")
  func cutUpload() async throws {
    try await backend.create()
    let file = S3Bucket.file(.data, [UInt8](repeating: 7, count: 3 << 20))
    proxy.treat { $0.method == "PUT" ? .cut : .pass }
    await #expect(throws: BackendError.self) { try await backend.save(file, [UInt8](repeating: 7, count: 3 << 20)) }
    await #expect(throws: BackendError.notFound(file)) { try await backend.byteCount(of: file) }
    #expect(try await backend.list(.data).isEmpty)
  }

  @Test("SlowDown and similar answers are retried after the time that they name, and not before")
  func slowDown() async throws {
    try await S3Bucket.retrying(backend).create()
    for (status, code, value, expected) in [
      ("503 Slow Down", "SlowDown", "40", 40.0...40), ("429 Too Many Requests", "TooManyRequests", "7", 7...7),
      ("400 Bad Request", "RequestTimeout", "", 0.5...1.5), ("503 Slow Down", "SlowDown", "", 0.5...1.5),
      ("499 Client Closed Request", "", "", 0.5...1.5), ("409 Conflict", "OperationAborted", "", 0.5...1.5),
    ] {
      proxy.treat {
        $0.number == 0 ? Self.answer(status, code, value.isEmpty ? [] : ["Retry-After: \(value)"]) : .pass
      }
      let clock = TestClock(advancesOnSleep: true)
      #expect(try await S3Bucket.retrying(backend, clock).list(.key).isEmpty)
      #expect(clock.sleeps.count == 1 && expected.contains((clock.sleeps.first ?? .zero) / .seconds(1)), "\(status)")
    }
  }

  @Test(
    "a permanent error is not retried, and the message names host, bucket, status, code and the remedy",
    arguments: [
      ("403 Forbidden", "AccessDenied", "s3:PutObject"), ("403 Forbidden", "InvalidAccessKeyId", "does not know"),
      ("403 Forbidden", "SignatureDoesNotMatch", "secret key"), ("404 Not Found", "NoSuchBucket", "restic-gitfs init"),
      ("400 Bad Request", "InvalidToken", "session token"), ("403 Forbidden", "InvalidObjectState", "archive"),
      ("405 Method Not Allowed", "MethodNotAllowed", "S3 server"), ("413 Too Large", "EntityTooLarge", "--pack-size"),
      ("507 Insufficient Storage", "XMinioStorageFull", "no space"),
      ("301 Moved Permanently", "PermanentRedirect", "-o s3.region"),
      ("400 Bad Request", "InvalidStorageClass", "InvalidStorageClass"),
    ])
  func permanent(status: String, code: String, said: String) async throws {
    proxy.treat { _ in Self.answer(status, code, ["Location: https://elsewhere/x?geheim"]) }
    let clock = TestClock(advancesOnSleep: true)
    let error = await #expect(throws: BackendError.self) {
      try await S3Bucket.retrying(backend, clock).save(S3Bucket.file(.data, [1]), [1])
    }
    let message = error.map { "\($0)" } ?? ""
    #expect(
      message.contains("127.0.0.1:\(proxy.port)") && message.contains("\"vault\"") && message.contains(said),
      "\(message)")
    #expect(
      code == "NoSuchBucket" || message.contains(String(status.prefix(3))) && message.contains(code), "\(message)")
    #expect(!message.contains("geheim") && error?.isRetryable == false && clock.sleeps == [])
    #expect(proxy.requests.count == 1)
  }

  @Test("after a refused HEAD a GET asks for the reason")
  func head() async throws {
    proxy.treat {
      $0.method == "HEAD" ? Self.answer("403 Forbidden") : Self.answer("403 Forbidden", "InvalidAccessKeyId")
    }
    let error = await #expect(throws: BackendError.self) { try await backend.byteCount(of: .config) }
    #expect(error.map { "\($0)".contains("InvalidAccessKeyId") } == true && proxy.requests.count == 2)
  }

  @Test(
    "the error distinguishes a server without ranges from a file that is too short; a wrong range is refused")
  func ranges() async throws {
    let file = S3Bucket.file(.data, [1])
    proxy.treat { _ in .answer(Array("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789".utf8)) }
    #expect(try await backend.load(file, range: 0..<10).byteCount == 10)
    await #expect(throws: BackendError.truncated(file)) { try await backend.load(file, range: 0..<11) }
    for range in [0..<9, 1..<10, 5..<15] {
      let error = await #expect(throws: BackendError.self) { try await backend.load(file, range: range) }
      #expect(error.map { "\($0)".contains("whole files") } == true)
    }
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 3-7/10\r\nContent-Length: 5\r\n\r\n34567"
    proxy.treat { _ in .answer(Array(part.utf8)) }
    #expect(try await backend.load(file, range: 3..<8).array == Array("34567".utf8))
    await #expect(throws: BackendError.truncated(file)) { try await backend.load(file, range: 3..<9) }
    let other = await #expect(throws: BackendError.self) { try await backend.load(file, range: 4..<9) }
    #expect(other?.isRetryable == true)
    proxy.treat { _ in Self.answer("416 Range Not Satisfiable", "InvalidRange") }
    await #expect(throws: BackendError.truncated(file)) { try await backend.load(file, range: 5..<15) }
  }

  @Test("a server that never answered is an error within seconds; a server that has answered is waited for")
  func contact() async throws {
    let (first, second) = (TestClock(advancesOnSleep: true), TestClock(advancesOnSleep: true))
    let reached = S3Bucket.retrying(backend, second)
    try await reached.create()
    proxy.stop()
    let error = await #expect(throws: BackendError.self) { try await S3Bucket.retrying(backend, first).list(.key) }
    guard case .unreachable = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(first.sleeps.reduce(.zero, +) <= .seconds(5))
    await #expect(throws: BackendError.self) { try await reached.list(.key) }
    #expect(second.sleeps.reduce(.zero, +) > .seconds(600))
  }
}
