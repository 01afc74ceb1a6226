import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// N4, H1 and H3: the connecting program, with the real ssh and sshd.
@Suite("Connections through ssh", .timeLimit(.minutes(30)), .serialized)
struct SFTPConnectionTests {
  private let directory: TemporaryDirectory
  private let root: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    root = directory.path.appending("vault")
  }

  private func serve(servesSFTP: Bool = true) async throws -> SSHServer {
    try await SSHServer(in: directory.path.appending("ssh"), servesSFTP: servesSFTP)
  }

  private func backend(
    _ server: SSHServer, arguments: String? = nil, _ change: (inout TransportOptions) -> Void = { _ in }
  ) throws -> SFTPBackend {
    try SFTPFixture.backend(
      String(server.location(root).dropFirst(5)), ["sftp.args=\(arguments ?? server.arguments)"], change)
  }

  private func children() -> [pid_t] {
    // Without the process that keeps sshd.
    ProcessTable.children().filter { child in
      let line = ProcessTable.commandLine(child)
      return line.contains(directory.path.string) && !line.contains("sshd_config")
    }
  }

  @Test("sessions that are killed during saves and loads are replaced, and nothing is lost")
  func killed() async throws {
    let server = try await serve()
    let backend = SFTPFixture.stack(try backend(server), policy: SFTPFixture.patient)
    try await backend.create()
    var random = SplitMix64(seed: 2)
    let contents = (0..<12).map { random.bytes(2_000_000 + $0) }
    let killer = Task {
      var count = 0
      while !Task.isCancelled, count < 6 {
        // The server's end and the client's end take turns. Any moment will do.
        if let victim = count.isMultiple(of: 2) ? server.sessions().last : children().first {
          kill(victim, SIGKILL)
          count += 1
        }
        try? await Task.sleep(for: .milliseconds(150))  // Any moment will do.
      }
    }
    try await SFTPFixture.expectKept(contents, by: backend)
    killer.cancel()
    await killer.value
    #expect(try await backend.list(.data).count == contents.count)
    try await server.stop()
  }

  @Test("a stopped server is noticed and replaced by a new connection; all calls to it end")
  func stopped() async throws {
    let server = try await serve()
    let patient = try backend(server)
    try await patient.create()
    try await patient.save(.config, [1])
    try await withGrowingLimit(from: .seconds(2)) { limit -> Void? in
      let backend = try backend(server) { $0.stuckTimeout = limit }
      // The server may have been too slow for the limit before it was stopped.
      guard await failure(of: { _ = try await backend.load(.config) }) == nil else { return nil }
      let victims = server.sessions()
      for process in victims { kill(process, SIGSTOP) }
      defer { for process in victims { kill(process, SIGKILL) } }
      async let first = failure { _ = try await backend.load(.config) }
      async let second = failure { _ = try await backend.list(.data) }
      let said = "has not answered for \(limit.components.seconds) s"
      for error in await [first, second] {
        #expect(error?.isRetryable == true && "\(String(describing: error))".contains(said))
      }
      let again = await failure {
        let bytes = try await backend.load(.config).array
        #expect(bytes == [1])
      }
      if let again { #expect("\(again)".contains(said)) }
      return again == nil ? () : nil
    }
    withExtendedLifetime(patient) {}
    try await server.stop()
  }

  @Test("one connection serves all simultaneous calls; calls for locks do not wait for packs")
  func oneConnection() async throws {
    let server = try await serve()
    let backend = try backend(server)
    try await backend.create()
    let pack = PooledBytes(capacity: 16 << 20)
    pack.overwrite { memory in
      memory.initializeMemory(as: UInt8.self, repeating: 7)
      return 16 << 20
    }
    let isOver = Flag()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for number in 0..<8 {
          try await backend.save(SFTPFixture.file(.data, [UInt8(number)]), pack)
        }
        isOver.set()
      }
      group.addTask {
        var count = 0
        while !isOver.isSet {
          let lock = SFTPFixture.file(.lock, [UInt8(count % 256)])
          try await backend.save(lock, [UInt8(count % 256)])
          #expect(try await backend.list(.lock).map(\.file) == [lock])
          try await backend.remove(lock)
          count += 1
        }
        #expect(count > 3)
      }
      try await group.waitForAll()
    }
    #expect(children().count == 1)
    try await server.stop()
  }

  @Test("the program ends and is reaped with the backend, even if it ignores signals")
  func noneLeft() async throws {
    let server = try await serve()
    for arguments in [server.arguments, nil] {
      let command = "sh -c 'trap \"\" TERM HUP; \(SSHServer.sftpServer) -d \(directory.path); sleep 1000'"
      do {
        let backend =
          try arguments.map { try self.backend(server, arguments: $0) }
          ?? SFTPFixture.backend(root, ["sftp.command=\(command)"])
        try await backend.create()
        #expect(children().count == 1)
      }
      try await waitUntil { children().isEmpty }
    }
    try await waitUntil { server.sessions().isEmpty }
    try await server.stop()
  }

  @Test("the program gets none of restic's variables, and a process group of its own")
  func environment() async throws {
    setenv("RESTIC_TEST_SECRET", "known-to-us-only", 1)
    setenv("OTHER_TEST_VARIABLE", "plain", 1)
    let backend = try SFTPFixture.backend(root, ["sftp.command=\(SSHServer.sftpServer) -d \(directory.path)"])
    try await backend.create()
    let child = try #require(children().first)
    let read = try FileHandle(forReadingAtPath: "/proc/\(child)/environ")?.readToEnd()
    let variables = try #require(read)
    #expect(variables.range(of: Data("known-to-us-only".utf8)) == nil)
    #expect(variables.range(of: Data("OTHER_TEST_VARIABLE=plain".utf8)) != nil)
    #expect(getpgid(child) == child && getpgrp() != child)
  }

  @Test("an unknown host key and a refused user key are permanent errors with advice")
  func refused() async throws {
    let server = try await serve()
    let stranger = try backend(server, arguments: server.argumentsOfStranger)
    try await expectDenied(stranger, "Host key verification failed", "ssh 127.0.0.1:\(server.port)")
    try server.forgetClient()
    try await expectDenied(try backend(server), "Permission denied (publickey", "ssh-agent")
    try await expectDenied(
      try backend(server, arguments: "-o NoSuchOption=1 \(server.arguments)"), "onfiguration option", "sftp.args")
    try await server.stop()
  }

  @Test("a server without SFTP is a permanent error")
  func noSubsystem() async throws {
    let server = try await serve(servesSFTP: false)
    try await expectDenied(try backend(server), "subsystem request failed", "sshd_config")
    try await server.stop()
  }

  @Test("a closed port, an unknown host and a missing program are errors within seconds that name them")
  func unreachable() async throws {
    let server = try await serve()
    try await server.stop()
    let gone = await #expect(throws: BackendError.self) { try await backend(server).list(.key) }
    guard case .unreachable(let message) = gone else {
      Issue.record("\(String(describing: gone))")
      return
    }
    #expect(message.contains("127.0.0.1:\(server.port)") && message.contains("Connection refused"))
    let unknown = try SFTPFixture.backend("//host.invalid/x", ["sftp.args=\(server.arguments)"])
    let noName = await #expect(throws: BackendError.self) { try await unknown.list(.key) }
    guard case .unreachable(let message) = noName else {
      Issue.record("\(String(describing: noName))")
      return
    }
    #expect(message.contains("host.invalid") && message.contains("check the name"))
    try await expectDenied(
      try SFTPFixture.backend(root, ["sftp.command=/nonexistent/ssh"]), "cannot be started", "sftp.command")
    let clock = TestClock(advancesOnSleep: true)
    await #expect(throws: BackendError.self) {
      try await SFTPFixture.stack(try backend(server), clock: clock).list(.key)
    }
    #expect(clock.sleeps.count < 5)
  }

  @Test("the error says that a program ended silently, or never answered")
  func silentPrograms() async throws {
    let ended = await #expect(throws: BackendError.self) {
      try await SFTPFixture.backend(root, ["sftp.command=sh -c 'exit 7'"]).list(.key)
    }
    #expect("\(String(describing: ended))".contains("sh ended with exit code 7"))
    let late = await #expect(throws: BackendError.self) {
      // The program never answers, however short the limit is.
      try await SFTPFixture.backend(root, ["sftp.command=sleep 1000"]) { $0.connectTimeout = .seconds(1) }.list(.key)
    }
    guard case .unreachable(let message) = late else {
      Issue.record("\(String(describing: late))")
      return
    }
    #expect(message.contains("has not answered for 2 s"))
    let loud = await #expect(throws: BackendError.self) {
      try await SFTPFixture.backend(root, ["sftp.command=sh -c 'echo My Words >&2; exit 1'"]).list(.key)
    }
    #expect("\(String(describing: loud))".contains("My Words"))
  }

  @Test("a cancelled call does not wait for its connection")
  func cancelledConnecting() async throws {
    let backend = try SFTPFixture.backend(root, ["sftp.command=sh -c 'sleep 1000' \(directory.path)"])
    let task = Task { try await backend.list(.key) }
    try await waitUntil { !children().isEmpty }
    task.cancel()
    await #expect(throws: BackendError.self) { try await task.value }
  }

  private func failure(of body: @Sendable () async throws -> Void) async -> BackendError? {
    do {
      try await body()
      return nil
    } catch {
      return error as? BackendError
    }
  }

  private func expectDenied(
    _ backend: SFTPBackend, _ said: String, _ advice: String, at location: SourceLocation = #_sourceLocation
  ) async throws {
    let clock = TestClock(advancesOnSleep: true)
    let error = await #expect(throws: BackendError.self, sourceLocation: location) {
      try await SFTPFixture.stack(backend, clock: clock).list(.key)
    }
    guard case .denied(let message) = error else {
      Issue.record("\(String(describing: error))", sourceLocation: location)
      return
    }
    #expect(message.contains(said) && message.contains(advice), "\(message)", sourceLocation: location)
    #expect(clock.sleeps == [], sourceLocation: location)
  }
}
