import Foundation
import Glibc
import ResticTestSupport
import Testing

@testable import ResticCore

/// N4, N8 and N9, and the rules of `HTTPTransport`, against a server that does what no server should.
@Suite("CurlTransport", .timeLimit(.minutes(30)))
struct CurlTransportTests {
  private func transport(
    _ server: FaultProxy, credentials: HTTPCredentials? = nil, _ change: (inout TransportOptions) -> Void = { _ in }
  ) -> CurlTransport {
    var options = TransportOptions()
    // A busy machine may take its time, and is no failure.
    options.connectTimeout = .seconds(300)
    change(&options)
    let origin = HTTPOrigin(scheme: .http, host: "127.0.0.1", port: Int(server.port))
    return CurlTransport(origin: origin, credentials: credentials, options: options)
  }

  private static func answer(_ status: String = "200 OK", _ fields: [String] = [], _ body: String = "") -> [UInt8] {
    let head = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + fields
    return Array((head.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
  }

  private func get(_ room: HTTPRequest.Room = .upTo(1000)) -> HTTPRequest {
    HTTPRequest(method: .get, target: "/x?y=%20", fields: ["Accept: z"], room: room)
  }

  @Test("a request is sent unchanged, without libcurl's own headers")
  func request() async throws {
    let server = try FaultProxy { _ in .answer(Self.answer("200 OK", ["Server: a/1", "X-Other: b"], "hello")) }
    let transport = transport(server, credentials: HTTPCredentials(user: "u", password: "p:q"))
    let response = try await transport.send(get())
    #expect(response.status == 200 && response.statedByteCount == 5)
    #expect(response.fields == [.server: "a/1"])
    guard case .taken(let bytes) = response.body else {
      Issue.record("no body")
      return
    }
    #expect(bytes.array == Array("hello".utf8))
    let body = PooledBytes(copying: [UInt8](repeating: 7, count: 3 << 20))
    _ = try await transport.send(HTTPRequest(method: .post, target: "/p/../q", body: body))
    _ = try await transport.send(HTTPRequest(method: .put, target: "/p", body: body))
    _ = try await transport.send(HTTPRequest(method: .delete, target: "/p"))
    _ = try await transport.send(HTTPRequest(method: .head, target: "/p"))
    let seen = server.requests
    #expect(
      seen.map { "\($0.method) \($0.target)" } == ["GET /x?y=%20", "POST /p/../q", "PUT /p", "DELETE /p", "HEAD /p"])
    #expect(
      Set(seen[0].fields) == [
        "Host: 127.0.0.1:\(server.port)", "Authorization: Basic dTpwOnE=", "User-Agent: restic-gitfs", "Accept: z",
      ])
    #expect(seen[1].fields.contains("Content-Length: \(3 << 20)"))
    #expect(!seen[1].fields.contains { $0.hasPrefix("Expect") || $0.hasPrefix("Accept-Encoding") })
    #expect(server.connectionCount == 1)
  }

  @Test("no more of an answer is read than the caller allows, whatever length the server states")
  func room() async throws {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    let server = try FaultProxy { request in
      switch request.target {
      case "/chunked": .answer(Array(chunked.utf8))
      case "/huge": .answer(Array("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nhello".utf8))
      case "/negative": .answer(Array("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello".utf8))
      default: .answer(Self.answer("200 OK", [], "hello"))
      }
    }
    let transport = transport(server)
    func outcome(_ target: String, _ room: HTTPRequest.Room) async -> String {
      do throws(HTTPFailure) {
        switch try await transport.send(HTTPRequest(method: .get, target: target, room: room)).body {
        case .taken(let bytes): return String(decoding: bytes.array, as: UTF8.self)
        case .refused(let count): return "refused \(count.map { "\($0)" } ?? "")"
        }
      } catch {
        return "failed"
      }
    }
    for target in ["/", "/chunked"] {
      #expect(await outcome(target, .upTo(5)) == "hello")
      #expect(await outcome(target, .exactly(5)) == "hello")
      #expect(await outcome(target, .upTo(4)).hasPrefix("refused"))
      #expect(await outcome(target, .exactly(4)).hasPrefix("refused"))
      #expect(await outcome(target, .exactly(6)) == "refused 5")
    }
    #expect(await outcome("/", .upTo(4)) == "refused 5")
    #expect(await outcome("/huge", .upTo(1 << 30)) == "refused 9223372036854775807")
    #expect(await outcome("/huge", .exactly(5)) == "refused 9223372036854775807")
    #expect(await outcome("/negative", .upTo(10)) == "failed")
  }

  @Test("only the beginning of an endless header or message is read; an answer that is not HTTP is a failure")
  func hostile() async throws {
    let server = try FaultProxy { request in
      let line = "X-\(String(repeating: "a", count: 900)): b\r\n"
      switch request.target {
      case "/header": return .answer(Array(("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: 10_000)).utf8))
      case "/interim": return .answer(Array(String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 10_000).utf8))
      case "/message":
        let body = [UInt8](repeating: 65, count: 10 << 20)
        return .answer(Array("HTTP/1.1 500 No\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
      default: return .answer(Array("SSH-2.0-OpenSSH\r\n".utf8))
      }
    }
    let transport = transport(server)
    for target in ["/header", "/interim", "/nothing"] {
      await #expect(throws: HTTPFailure.self, "\(target)") {
        _ = try await transport.send(HTTPRequest(method: .get, target: target, room: .upTo(1 << 20)))
      }
    }
    let response = try await transport.send(HTTPRequest(method: .get, target: "/message", room: .upTo(1 << 20)))
    guard case .taken(let excerpt) = response.body else {
      Issue.record("no message")
      return
    }
    #expect(response.status == 500 && excerpt.byteCount == 4096)
  }

  @Test("a truncated body is a failure, and so is a connection that ends before an answer")
  func shortBody() async throws {
    let upstream = try FaultProxy { _ in .answer(Self.answer("200 OK", [], String(repeating: "x", count: 1000))) }
    let server = try FaultProxy(upstream: upstream.port) { $0.target == "/cut" ? .cut : .truncate(500) }
    let transport = transport(server)
    for target in ["/x", "/cut"] {
      let error = await #expect(throws: HTTPFailure.self) {
        _ = try await transport.send(HTTPRequest(method: .get, target: target, room: .upTo(5000)))
      }
      guard case .interrupted = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test("a server that does not listen, or whose name is unknown, is unreachable")
  func unreachable() async throws {
    let server = try FaultProxy()
    server.stop()
    let gone = transport(server)
    let nameless = CurlTransport(
      origin: HTTPOrigin(scheme: .http, host: "nobody.invalid"), credentials: nil, options: TransportOptions())
    for transport in [gone, nameless, gone] {
      let error = await #expect(throws: HTTPFailure.self) { _ = try await transport.send(get()) }
      guard case .unreachable = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test("a stuck request is given up after the time limit")
  func stuck() async throws {
    let server = try FaultProxy { _ in .hang }
    // The server never answers, however short the limit is.
    let transport = transport(server) { $0.stuckTimeout = .seconds(2) }
    let start = ContinuousClock.now
    let error = await #expect(throws: HTTPFailure.self) { _ = try await transport.send(get()) }
    guard case .interrupted = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(start.duration(to: .now) >= .seconds(2))
    #expect(start.duration(to: .now) < TransportOptions().stuckTimeout)
  }

  @Test("a cancelled request ends at once; other requests go on, and a request after the cancellation is carried out")
  func cancellation() async throws {
    let server = try FaultProxy { $0.target == "/hang" ? .hang : .answer(Self.answer()) }
    let transport = transport(server)
    let stuck = Task {
      do throws(HTTPFailure) {
        _ = try await transport.send(HTTPRequest(method: .get, target: "/hang"))
        return false
      } catch {
        guard error == .cancelled else { return false }
      }
      // Cleaning up.
      return try await transport.send(HTTPRequest(method: .delete, target: "/clean")).isSuccess
    }
    try await waitUntil { server.requests.count == 1 }
    #expect(try await transport.send(get()).isSuccess)
    stuck.cancel()
    #expect(try await stuck.value)
    #expect(server.requests.map(\.target) == ["/hang", "/x?y=%20", "/clean"])
  }

  @Test("many simultaneous requests are all answered, each on a connection of its own")
  func concurrency() async throws {
    let server = try FaultProxy { .answer(Self.answer("200 OK", [], $0.target)) }
    let transport = transport(server)
    let right = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<200 {
        group.addTask {
          let request = HTTPRequest(method: .get, target: "/\(number)", room: .upTo(10))
          guard let response = try? await transport.send(request), case .taken(let bytes) = response.body else {
            return false
          }
          return bytes.array == Array("/\(number)".utf8)
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(right == 200)
  }

  @Test("after a server has closed a kept connection, the whole request is sent again on a new connection")
  func closedConnection() async throws {
    let server = try FaultProxy { request in
      .answer(Self.answer("200 OK", request.number == 0 ? ["Connection: close"] : []))
    }
    let transport = transport(server) { $0.uploadLimit = 100 << 20 }
    let body = PooledBytes(copying: [UInt8](repeating: 7, count: 1 << 20))
    for _ in 0..<3 {
      #expect(try await transport.send(HTTPRequest(method: .post, target: "/", body: body)).isSuccess)
    }
  }

  private static let largeByteCount = 300 << 10

  /// A server for large requests, a transport that moves `rate` bytes a second one way, and a large request.
  private func limited(
    isUpload: Bool, rate: Int
  ) throws -> (server: FaultProxy, transport: CurlTransport, large: HTTPRequest) {
    let count = Self.largeByteCount
    let server = try FaultProxy { request in
      switch request.target {
      case "/large": .answer(Self.answer("200 OK", [], String(repeating: "x", count: count)))
      case "/list": .answer(Self.answer("200 OK", [], String(repeating: "x", count: 10_000)))
      default: .answer(Self.answer())
      }
    }
    let transport = transport(server) {
      if isUpload { $0.uploadLimit = rate } else { $0.downloadLimit = rate }
    }
    let body = PooledBytes(copying: [UInt8](repeating: 7, count: count))
    let large =
      isUpload
      ? HTTPRequest(method: .post, target: "/", body: body)
      : HTTPRequest(method: .get, target: "/large", room: .upTo(count))
    return (server, transport, large)
  }

  @Test("the rate limit holds for all requests together", arguments: [true, false])
  func limits(isUpload: Bool) async throws {
    let (server, transport, large) = try limited(isUpload: isUpload, rate: 200 << 10)
    let start = ContinuousClock.now
    for task in (0..<3).map({ _ in Task { try await transport.send(large) } }) {
      #expect(try await task.value.isSuccess)
    }
    // 900 KiB, minus 200 KiB that are there at once. Bytes in socket buffers count as moved.
    #expect(start.duration(to: .now) > .seconds(2))
    server.stop()
  }

  @Test("small requests pass while large requests wait for the rate", arguments: [true, false])
  func smallRequests(isUpload: Bool) async throws {
    let (server, transport, large) = try limited(isUpload: isUpload, rate: 1 << 10)
    let waiting = (0..<3).map { _ in Task { try await transport.send(large) } }
    try await waitUntil { isUpload || server.requests.count == 3 }
    for _ in 0..<20 {
      #expect(try await transport.send(HTTPRequest(method: .head, target: "/small")).isSuccess)
      // A list of locks.
      let list = HTTPRequest(method: .get, target: "/list", room: .upTo(4 << 20))
      #expect(try await transport.send(list).isSuccess)
    }
    for task in waiting {
      task.cancel()
      // Minutes are left of it.
      await #expect(throws: HTTPFailure.cancelled) { _ = try await task.value }
    }
    server.stop()
  }

  @Test("child processes inherit no socket")
  func descriptors() async throws {
    let server = try FaultProxy { _ in .answer(Self.answer()) }
    let transport = transport(server)
    #expect(try await transport.send(get()).isSuccess)
    // The one whose other end is the server's port. Other tests of the process have thousands of descriptors open.
    let own = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
      .filter { Self.peerPort($0) == server.port }
    #expect(own.count == 1)
    for descriptor in own { #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0) }
  }

  private static func peerPort(_ descriptor: Int32) -> UInt16? {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isConnected = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) == 0 }
    }
    return isConnected && address.sin_family == sa_family_t(AF_INET) ? UInt16(bigEndian: address.sin_port) : nil
  }
}
