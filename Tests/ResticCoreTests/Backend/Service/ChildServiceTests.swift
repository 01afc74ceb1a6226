import Foundation
import Glibc
import Logging
import Platform
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("ChildService", .timeLimit(.minutes(30)))
struct ChildServiceTests {
  private static func command(_ script: String) -> ServiceCommand {
    ServiceCommand(words: ["/bin/sh", "-c", script], name: "sh", startLimit: .seconds(300), advice: "")
  }

  /// Starts the service of `script` as the program does it: on a thread that takes no signals.
  private func start(_ script: String, logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    async throws -> ChildService
  {
    try await withCheckedThrowingContinuation { continuation in
      do {
        try PlainThread.start {
          continuation.resume(with: Result { try ChildService(Self.command(script), logger: logger) })
        }
      } catch {
        continuation.resume(throwing: error)
      }
    }
  }

  private func end(_ service: ChildService, grace: Duration) async -> ChildService.End {
    await withCheckedContinuation { continuation in service.end(grace: grace) { continuation.resume(returning: $0) } }
  }

  /// The whole output of the service, up to its end.
  private func output(of service: ChildService) async -> String {
    let output = service.output
    _ = fcntl(output.rawValue, F_SETFL, 0)
    let bytes = await BlockingExecutor(threadCount: 1).run { output.readAll() }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func isGone(_ process: pid_t) -> Bool { kill(process, 0) != 0 && errno == ESRCH }

  @Test("a service gets this process's variables without restic's, and leads a process group")
  func surroundings() async throws {
    setenv("RESTIC_PLANTED", "planted", 1)
    let service = try await start("env; cut -d ' ' -f 5 /proc/$$/stat; echo group $$")
    let lines = await output(of: service).split(separator: "\n").map(String.init)
    #expect(lines.contains { $0.hasPrefix("PATH=") } && !lines.contains { $0.hasPrefix("RESTIC_") })
    #expect(lines.contains("\(service.processID)") && lines.last == "group \(service.processID)")
    #expect(await end(service, grace: .seconds(300)).status == .exited(0))
    #expect(Self.isGone(service.processID))
  }

  @Test("the end of its input ends a service, which is reaped")
  func asked() async throws {
    let service = try await start("cat; exit 7")
    #expect(await end(service, grace: .seconds(300)).status == .exited(7))
    #expect(Self.isGone(service.processID))
  }

  @Test(
    "a service that outlives its grace period is killed, and so are its children", arguments: ["", "kill -STOP $$; "])
  func killed(first: String) async throws {
    let service = try await start("sleep 1000 & echo $!; \(first)trap '' TERM; while :; do sleep 1000; done")
    var line = ""
    try await waitUntil {
      var bytes = [UInt8](repeating: 0, count: 64)
      let count = read(service.output.rawValue, &bytes, bytes.count)
      if count > 0 { line += String(decoding: bytes[..<count], as: UTF8.self) }
      return line.hasSuffix("\n")
    }
    let other = try #require(pid_t(line.dropLast()))
    // The program outlives any grace period.
    let outcome = await end(service, grace: .milliseconds(1))
    #expect(outcome.status == .killed(signal: SIGKILL))
    #expect(Self.isGone(service.processID))
    // The child belongs to init now, which reaps it.
    try await waitUntil { Self.isGone(other) || ProcessTable.isZombie(other) }
  }

  @Test("a service that cannot be killed delays nobody, and only its own thread waits for it")
  func unkillable() async throws {
    let pipe = try Platform.Pipe()
    // The program does not lead a process group, so that a kill of its group does not reach it.
    let child = try ChildProcess.start(
      "/bin/sh", ["-c", "trap '' TERM INT HUP; echo stuck >&2; exec sleep 1000"],
      descriptors: [(STDERR_FILENO, pipe.writeEnd)], signals: .unblocked)
    pipe.writeEnd.closeQuietly()
    let keeper = try ServiceKeeper(
      child, errors: pipe.readEnd, command: Self.command(""), hadTerminal: false,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await waitUntil { keeper.lastWords(since: .now.advanced(by: .seconds(-600))) == "stuck" }
    let ended = try await withTimeLimit {
      await withCheckedContinuation { continuation in
        // The program outlives any grace period.
        keeper.end(grace: .milliseconds(1)) { continuation.resume(returning: $0) }
      }
    }
    #expect(ended.status == nil && ended.lastWords == "stuck")
    let process = child.processID
    #expect(!Self.isGone(process))
    #expect(kill(process, SIGKILL) == 0)
    try await waitUntil { Self.isGone(process) }
  }

  @Test(
    "the end of this process kills a service that ignores the end of its input and SIGTERM",
    arguments: [("", SIGTERM), ("trap '' TERM; ", SIGKILL)])
  func endOfProcess(first: String, signal: Int32) async throws {
    let services = RunningChildren()
    let pipe = try Platform.Pipe()
    let child = try ChildProcess.start(
      "/bin/sh", ["-c", "\(first)echo ready >&2; while :; do sleep 1000; done"],
      descriptors: [(STDERR_FILENO, pipe.writeEnd)], signals: .unblocked, leadsGroup: true, endsWith: services)
    let process = child.processID
    pipe.writeEnd.closeQuietly()
    let keeper = try ServiceKeeper(
      child, errors: pipe.readEnd, command: Self.command(""), hadTerminal: false,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await waitUntil { keeper.lastWords(since: .now.advanced(by: .seconds(-600))) == "ready" }
    await BlockingExecutor(threadCount: 1).run { services.end() }
    try await waitUntil { Self.isGone(process) }
    let ended = await withCheckedContinuation { continuation in
      keeper.end(grace: .seconds(600)) { continuation.resume(returning: $0) }
    }
    #expect(ended.status == .killed(signal: signal))
  }

  @Test("a service that has ended by itself is reaped at once")
  func gone() async throws {
    let service = try await start("echo bye >&2; exit 1")
    try await waitUntil { Self.isGone(service.processID) }
    let outcome = await end(service, grace: .seconds(300))
    #expect(outcome.status == .exited(1) && outcome.lastWords == "bye")
  }

  @Test("every line of a service's standard error is logged, and the last three are kept")
  func words() async throws {
    let log = LogLines(from: .info)
    let service = try await start(
      "yes | head -n 20000 >&2; printf '%01000d\\n' 7 >&2; printf '\\033[1mx\\n\\n  y' >&2",
      logger: log.logger)
    let outcome = await end(service, grace: .seconds(300))
    #expect(outcome.lastWords == "\(String(repeating: "0", count: 400)); [1mx; y")
    let lines = log.lines
    #expect(lines.count == 20003 && lines.first == "sh: y" && lines.last == "sh: y")
  }
}
