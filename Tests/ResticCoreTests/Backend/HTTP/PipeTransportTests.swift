import Foundation
import Glibc
import Logging
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// N4, N8, N9 and L1, and the rules of `HTTPTransport`, with a program that does what no program should.
@Suite("PipeTransport", .timeLimit(.minutes(30)))
struct PipeTransportTests {
  private let directory: TemporaryDirectory
  private var log: FilePath { directory.path.appending("frames") }

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func transport(
    _ server: PipeServer, startLimit: Duration = .seconds(300), _ change: (inout TransportOptions) -> Void = { _ in }
  ) -> PipeTransport {
    transport(server.words(log: log), startLimit: startLimit, change)
  }

  private func transport(
    _ words: [String], startLimit: Duration = .seconds(300), secrets: [String] = [],
    _ change: (inout TransportOptions) -> Void = { _ in }
  ) -> PipeTransport {
    var options = TransportOptions()
    change(&options)
    let command = ServiceCommand(
      words: words, name: "the program", startLimit: startLimit, advice: "install it", secrets: secrets)
    return PipeTransport(command, options: options, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private func get(_ room: HTTPRequest.Room = .upTo(1000)) -> HTTPRequest {
    HTTPRequest(method: .get, target: "/x", fields: ["Accept: z"], room: room)
  }

  /// The outcome of a request, in a few words.
  private func outcome(_ transport: PipeTransport, _ request: HTTPRequest) async -> String {
    do throws(HTTPFailure) {
      let response = try await transport.send(request)
      switch response.body {
      case .taken(let bytes): return "\(response.status) \(String(decoding: bytes.array, as: UTF8.self))"
      case .refused(let count): return "\(response.status) refused \(count.map { "\($0)" } ?? "")"
      }
    } catch {
      switch error {
      case .unreachable(let message): return "unreachable: \(message)"
      case .interrupted(let message): return "interrupted: \(message)"
      case .cancelled: return "cancelled"
      case .refused(let message): return "refused: \(message)"
      case .untrusted: return "untrusted"
      }
    }
  }

  /// The frames that the program has received, as `PipeServer` writes them.
  private var frames: [String] {
    (try? Data(contentsOf: URL(fileURLWithPath: log.string)))
      .map { String(decoding: $0, as: UTF8.self).split(separator: "\n").map(String.init) } ?? []
  }

  @Test("answers with and without a body are read if they fit; requests share one connection")
  func answers() async throws {
    let transport = transport(.good)
    #expect(await outcome(transport, get()) == "200 hello")
    #expect(await outcome(transport, get(.exactly(5))) == "200 hello")
    #expect(await outcome(transport, get(.exactly(6))) == "200 refused 5")
    #expect(await outcome(transport, get(.upTo(4))) == "200 refused 5")
    let body = PooledBytes(copying: [UInt8](repeating: 7, count: 3 << 20))
    let post = HTTPRequest(method: .post, target: "/x", body: body, room: .upTo(9))
    let answers = await withTaskGroup(of: String.self) { group in
      for _ in 0..<20 { group.addTask { await outcome(transport, post) } }
      return await group.reduce(into: [String]()) { $0.append($1) }
    }
    #expect(answers == [String](repeating: "200 hello", count: 20))
    #expect(frames.contains { $0.hasPrefix("0 ") })
  }

  @Test("a truncated answer is a failure; no more of an answer is read than the caller allows")
  func bodies() async throws {
    #expect(await outcome(transport(.shortBody), get()).hasPrefix("interrupted: the program closed a request"))
    #expect(await outcome(transport(.reset), get()).hasPrefix("interrupted: the program closed a request"))
    // The program no longer reads.
    #expect(await outcome(transport(.endlessBody), get(.upTo(1 << 20))) == "200 refused ")
    #expect(await outcome(transport(.endlessBody), get(.exactly(1 << 20))) == "200 refused ")
    let message = await outcome(transport(.endlessMessage), get())
    #expect(message == "500 \(String(repeating: "x", count: 4096))")
  }

  @Test("an endless header is a failure; the connection goes on, or is replaced")
  func headers() async throws {
    let transport = transport(.endlessHeader)
    for _ in 0..<3 { #expect(await outcome(transport, get()).hasPrefix("interrupted")) }
  }

  @Test("a program that accepts no more requests is started again for the next request")
  func goAway() async throws {
    let transport = transport(.goAway)
    for _ in 0..<3 {
      #expect(await outcome(transport, get()).hasPrefix("interrupted: the program closed the connection"))
    }
  }

  // N8 Requests for locks do not wait.
  @Test("a lock's request passes packs that have used up the server's window")
  func lockBehindPacks() async throws {
    let transport = transport(.tight)
    let pack = PooledBytes(copying: [UInt8](repeating: 7, count: 512 << 10))
    let packs = (0..<5).map { _ in
      Task { await outcome(transport, HTTPRequest(method: .post, target: "/data/x", body: pack, room: .upTo(9))) }
    }
    // All that is not kept back for small requests.
    try await waitUntil { received >= 65535 - TransferRates.smallByteCount }
    let lock = PooledBytes(copying: [UInt8](repeating: 8, count: 300))
    let answer = try await withTimeLimit {
      await outcome(transport, HTTPRequest(method: .post, target: "/locks/x", body: lock, room: .upTo(9)))
    }
    #expect(answer == "200 hello")
    for pack in packs { #expect(await pack.value == "200 hello") }
    #expect(received == 5 * (512 << 10) + 300)
  }

  /// How many bytes of bodies the program has received, as `PipeServer.tight` writes it.
  private var received: Int {
    frames.last { $0.hasPrefix("received ") }.flatMap { Int($0.dropFirst("received ".count)) } ?? 0
  }

  @Test("a server may answer before it has read the whole body")
  func earlyAnswer() async throws {
    let transport = transport(.early)
    let body = PooledBytes(copying: [UInt8](repeating: 7, count: 3 << 20))
    let request = HTTPRequest(method: .post, target: "/x", body: body, room: .upTo(9))
    for _ in 0..<3 { #expect(await outcome(transport, request) == "400 hello") }
    // The program cannot have done work that it never heard of.
    let message = await outcome(self.transport(.earlySuccess), request)
    #expect(message == "interrupted: the program answered before the request was complete")
  }

  @Test("a program that ends is unreachable; the error has its last words, printable and without secrets")
  func lastWords() async throws {
    let words = PipeServer.end.words(log: log)
    let message = await outcome(transport(words, secrets: ["such"]), get())
    #expect(message.hasPrefix("unreachable: the program ended before it answered (exit code 3)"), "\(message)")
    #expect(message.hasSuffix(": some words; no *** remote:  [31mwhat"), "\(message)")
  }

  @Test("a program that speaks another protocol is unreachable; the error quotes its output")
  func greeting() async throws {
    let message = await outcome(transport(.greeting), get())
    #expect(message.contains("unreachable: the program answers \"Welcome to this machine!?Enjoy."), "\(message)")
    #expect(message.contains("instead of HTTP/2"))
  }

  @Test("a program that cannot be started is unreachable; the error has advice")
  func missing() async throws {
    let message = await outcome(transport(["/nowhere/rclone"]), get())
    #expect(message.hasPrefix("unreachable: /nowhere/rclone cannot be started") && message.hasSuffix(": install it"))
  }

  @Test("a program that never begins to answer is given up after its start limit")
  func mute() async throws {
    // The program never answers, however short the limit is.
    let message = await outcome(transport(.mute, startLimit: .seconds(2)), get())
    #expect(message.hasPrefix("unreachable: the program has not begun to answer within 2 s"), "\(message)")
  }

  @Test("a stuck request is given up after the time limit, and its program is killed")
  func stuck() async throws {
    try await withGrowingLimit(from: .seconds(2)) { limit -> Void? in
      let transport = transport(.silent) { $0.stuckTimeout = limit }
      let start = ContinuousClock.now
      let message = await outcome(transport, get())
      // The program may have been too slow for the limit at its start.
      guard !message.contains("has not begun to answer") else { return nil }
      // The program's first bytes may have arrived after the request was made.
      let end = "moved for \(limit.components.seconds) s"
      #expect(message.hasPrefix("interrupted: the program") && message.hasSuffix(end), "\(message)")
      #expect(start.duration(to: .now) >= limit)
      #expect(start.duration(to: .now) < TransportOptions().stuckTimeout)
      return ()
    }
  }

  @Test("a cancelled request ends at once, and the program is notified; a later request is carried out")
  func cancellation() async throws {
    let transport = transport(.silent)
    let waiting = Task { await outcome(transport, get()) }
    try await waitUntil { frames.contains { $0.hasPrefix("1 1 ") } }
    waiting.cancel()
    #expect(await waiting.value == "cancelled")
    try await waitUntil { frames.contains("3 1 8") }

    let good = self.transport(.good)
    let late = Task {
      while !Task.isCancelled { await Task.yield() }
      return await outcome(good, get())
    }
    late.cancel()
    #expect(await late.value == "200 hello")
  }

  @Test("a cancelled caller does not wait for a program that has not begun to answer")
  func cancelledStart() async throws {
    let transport = transport(.mute)
    let waiting = Task { await outcome(transport, get()) }
    try await waitUntil { !children(log).isEmpty }
    waiting.cancel()
    #expect(try await withTimeLimit { await waiting.value } == "cancelled")
  }

  @Test("the program ends and is reaped once nobody uses the transport", arguments: [PipeServer.good, .silent])
  func end(server: PipeServer) async throws {
    var transport: PipeTransport? = transport(server)
    let task = begin(transport)
    try await waitUntil { !children(log).isEmpty }
    try await waitUntil { frames.contains { $0.hasPrefix("1 1 ") } }
    if server == .silent { task.cancel() }
    _ = await task.value
    transport = nil
    try await waitUntil { children(log).isEmpty }
  }

  private func begin(_ transport: PipeTransport?) -> Task<String, Never> {
    Task {
      guard let transport else { return "" }
      return await outcome(transport, get())
    }
  }

  /// Our own processes, zombies among them, that were started with the file `log`.
  private func children(_ log: FilePath) -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap(Int.init).filter { process in
      let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
      return words.range(of: Data(log.string.utf8)) != nil
    }
  }
}
