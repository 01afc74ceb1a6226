import Foundation
import Glibc
import Synchronization

/// A web server of a test's own: it passes requests on to a real one, late, in part or not at all, or answers by itself.
///
/// Each connection has a thread; there are few, and none is kept busy. Requests have a Content-Length or no body.
public final class FaultProxy: Sendable {
  /// A client's request.
  public struct Request: Sendable {
    /// The method, in capitals as it was sent.
    public let method: String
    /// Path and query, as they were sent.
    public let target: String
    /// The header lines, each `Name: value`.
    public let fields: [String]
    /// How many requests came before it.
    public let number: Int
  }

  /// The treatment of a request.
  public enum Treatment: Sendable {
    /// The request is passed on, and so is the answer.
    case pass
    /// The same, half of the time later each way.
    case delay(Duration)
    /// The connection is closed, and nothing is passed on.
    case cut
    /// The request is passed on, and the connection is closed instead of an answer.
    case loseAnswer
    /// Of the answer's body only so many bytes come before the connection is closed.
    case truncate(Int)
    /// Nothing ever comes.
    case hang
    /// The server is not asked, and these bytes are the answer.
    case answer([UInt8])
  }

  private struct State {
    var requests: [Request] = []
    var exchanges: [RequestRounds.Exchange] = []
    var treat: @Sendable (Request) -> Treatment
    var sockets: Set<Int32> = []
    var connectionCount = 0
    var isStopped = false
  }

  private let listener: Int32
  /// Where it listens, on 127.0.0.1.
  public let port: UInt16
  private let upstream: UInt16?
  private let start = ContinuousClock.now
  private let state: Mutex<State>

  /// A proxy before the server at `upstream`, a port of 127.0.0.1.
  public init(
    upstream: UInt16? = nil, treat: @escaping @Sendable (Request) -> Treatment = { _ in .pass }
  ) throws {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = Self.address(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, length) == 0 && listen(socket, Int32(SOMAXCONN)) == 0 && getsockname(socket, $0, &length) == 0
      }
    }
    listener = socket
    guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    self.upstream = upstream
    state = Mutex(State(treat: treat))
    Thread.detachNewThread { [weak self] in
      // Only this thread closes the socket: otherwise its number would soon be another socket's, whose connections this thread
      // would accept and drop.
      defer { close(socket) }
      while true {
        let client = SocketStream.retrying { accept(socket, nil, nil) }
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        guard client >= 0, let self, self.begin(client) else {
          if client >= 0 { close(client) }
          return
        }
        Thread.detachNewThread { self.serve(client) }
      }
    }
  }

  deinit {
    stop()
  }

  /// Ends it and all its connections.
  public func stop() {
    state.withLock { state in
      guard !state.isStopped else { return }
      state.isStopped = true
      // Threads that wait for a connection are woken, and all connections end.
      shutdown(listener, Int32(SHUT_RDWR))
      for client in state.sockets { shutdown(client, Int32(SHUT_RDWR)) }
    }
  }

  /// `http://127.0.0.1:PORT/`.
  public var url: String { "http://127.0.0.1:\(port)/" }

  /// All requests so far.
  public var requests: [Request] { state.withLock { $0.requests } }

  /// The rounds of the requests that were answered so far.
  public var rounds: RequestRounds { RequestRounds(state.withLock { $0.exchanges }) }

  /// How many connections were made so far.
  public var connectionCount: Int { state.withLock { $0.connectionCount } }

  /// Treats all requests so from now on, and forgets those that were.
  public func treat(_ treat: @escaping @Sendable (Request) -> Treatment) {
    state.withLock { state in
      state.treat = treat
      state.requests = []
      state.exchanges = []
    }
  }

  /// Forgets the requests that were.
  public func forget() {
    state.withLock { state in
      state.requests = []
      state.exchanges = []
    }
  }

  private func begin(_ client: Int32) -> Bool {
    state.withLock { state in
      guard !state.isStopped else { return false }
      state.sockets.insert(client)
      state.connectionCount += 1
      return true
    }
  }

  private func serve(_ client: Int32) {
    defer {
      state.withLock { _ = $0.sockets.remove(client) }
      close(client)
    }
    var stream = SocketStream(client)
    while let head = stream.readHead(), handle(head, &stream) {}
  }

  /// Whether the connection stays.
  private func handle(_ head: [String], _ client: inout SocketStream) -> Bool {
    let words = head[0].split(separator: " ").map(String.init)
    guard words.count == 3 else { return false }
    let fields = Array(head.dropFirst())
    let begin = start.duration(to: .now)
    guard let body = client.read(SocketStream.contentLength(fields) ?? 0) else { return false }
    let (request, treat) = state.withLock { state in
      let request = Request(method: words[0], target: words[1], fields: fields, number: state.requests.count)
      state.requests.append(request)
      return (request, state.treat)
    }
    var lostCount: Int?
    var pause: UInt32 = 0
    switch treat(request) {
    case .pass: break
    case .delay(let delay): pause = UInt32(delay / .microseconds(2))
    case .cut: return false
    case .loseAnswer: lostCount = -1
    case .truncate(let count): lostCount = count
    case .hang:
      _ = client.read(1)
      return false
    case .answer(let bytes):
      client.write(bytes)
      return true
    }
    usleep(pause)  // The delay that the test has chosen.
    return forward(head, body, to: &client, request, keeping: lostCount, begin, pause)
  }

  /// Passes a request that arrived at `begin` on, and after a `pause` in microseconds `keeping` bytes of the answer's body, -1
  /// for no answer, nil for all.
  private func forward(
    _ head: [String], _ body: [UInt8], to client: inout SocketStream, _ request: Request, keeping: Int?,
    _ begin: Duration, _ pause: UInt32
  ) -> Bool {
    guard let upstream, let server = Self.connect(port: upstream) else { return false }
    defer { close(server) }
    var stream = SocketStream(server)
    let own = head.filter { !$0.lowercased().hasPrefix("connection:") } + ["Connection: close"]
    stream.write(Array((own.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
    guard let answer = stream.readHead() else { return false }
    let payload =
      request.method == "HEAD"
      ? [] : SocketStream.contentLength(answer).map { stream.read($0) ?? [] } ?? stream.readAll()
    usleep(pause)  // As above.
    if keeping == -1 { return false }
    let name = "\(request.method) \(request.target)"
    // Before it is sent: the client's next request may be here before this goes on.
    state.withLock {
      $0.exchanges.append(RequestRounds.Exchange(name, begin: begin, end: start.duration(to: .now)))
    }
    let fields = answer.filter { !$0.lowercased().hasPrefix("connection:") }
    // At once: the second of two small pieces would wait until the client's kernel has acknowledged the first.
    client.write(
      Array((fields.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        + (keeping.map { Array(payload.prefix($0)) } ?? payload))
    // The end of a body of unknown length is that of the connection.
    return keeping == nil
      && (SocketStream.contentLength(answer) != nil || request.method == "HEAD"
        || answer.contains { $0.lowercased().hasPrefix("transfer-encoding:") })
  }

  private static func connect(port: UInt16) -> Int32? {
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = address(port: port)
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        // Interrupted, it goes on by itself, and the next call says how it ended.
        let result = Glibc.connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        guard result != 0, errno == EINTR else { return result == 0 }
        var event = pollfd(fd: server, events: Int16(POLLOUT), revents: 0)
        return SocketStream.retrying { Int(poll(&event, 1, -1)) } == 1 && event.revents & Int16(POLLERR) == 0
      }
    }
    if !isConnected { close(server) }
    return isConnected ? server : nil
  }

  private static func address(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }
}
