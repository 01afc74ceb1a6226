import Foundation
import Glibc
import Platform
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("ProgramOutput", .timeLimit(.minutes(30)))
struct ProgramOutputTests {
  /// The output of the shell's `script`. Throws if the call does not return.
  private func run(
    _ script: String, input: [UInt8] = [], limits: ProgramLimits? = nil, sharesErrors: Bool = false
  ) async throws -> ProgramOutput {
    try await withTimeLimit {
      try await BlockingExecutor(threadCount: 1).run { () throws(Errno) in
        try ProgramOutput.of(
          "/bin/sh", ["-c", script], input: input, signals: .unblocked, limits: limits, sharesErrors: sharesErrors)
      }
    }
  }

  private static func limits(
    _ time: Duration = .seconds(300), bytes: Int = 1 << 20, stop: FileDescriptor? = nil
  ) -> ProgramLimits {
    ProgramLimits(deadline: .now + time, outputByteLimit: bytes, stop: stop)
  }

  @Test("output, errors and status are complete, however much the program reads and writes at the same time")
  func whole() async throws {
    let input = TestRepository.noise(1 << 20, seed: 1)
    let copied = try await run("cat; echo why >&2; exit 7", input: input)
    #expect(copied.output.fingerprint == input.fingerprint && copied.end == .exited(7))
    #expect(copied.errorOutput == Array("why\n".utf8))
    let loud = try await run("yes | head -c 300000 >&2; echo end >&2; echo said")
    #expect(loud.output == Array("said\n".utf8) && loud.errorOutput.count == ProgramOutput.errorByteLimit)
    #expect(loud.errorOutput.suffix(6).elementsEqual("y\nend\n".utf8.suffix(6)))
    #expect(try await run("kill -9 $$").end == .killed(signal: SIGKILL))
    // The program closes its outputs, and goes on for a while that may be short or long.
    #expect(try await run("exec >&- 2>&-; sleep 0.2; exit 3").end == .exited(3))
  }

  @Test(
    "a child that outlives the program and keeps its outputs open is not waited for, silent or not",
    arguments: ["sleep 1000", "yes"])
  func leftBehind(command: String) async throws {
    let output = try await run("\(command) & echo $!; echo why >&2")
    // `yes` may have printed something before, but prints no digit.
    let digits = output.output.filter { (0x30...0x39).contains($0) }
    let process = try #require(pid_t(String(decoding: digits, as: UTF8.self)))
    #expect(output.end == .exited(0) && output.errorOutput == Array("why\n".utf8))
    kill(process, SIGKILL)
  }

  @Test("a program that exceeds its time limit is killed with its children, even if it ignores every other signal")
  func stubborn() async throws {
    let directory = try TemporaryDirectory()
    let file = directory.path.appending("child")
    let script = "trap '' TERM INT HUP QUIT; sleep 1000 & echo $! > \(file); while :; do sleep 1000; done"
    let child = try await withGrowingLimit(from: .milliseconds(500)) { limit -> pid_t? in
      await #expect(throws: Errno.timedOut) { try await run(script, limits: Self.limits(limit)) }
      // Nil if the shell had not started its child when the limit struck.
      return (try? String(contentsOfFile: file.string, encoding: .utf8)).flatMap { pid_t($0.dropLast()) }
    }
    // The child belongs to init now, which reaps it.
    try await waitUntil { kill(child, 0) != 0 || ProcessTable.isZombie(child) }
    #expect(!ProcessTable.children().contains { ProcessTable.commandLine($0).contains(file.string) })
  }

  @Test("a program that prints too much, or whose caller is cancelled, is killed")
  func limited() async throws {
    await #expect(throws: Errno.fileTooLarge) { try await run("yes", limits: Self.limits(bytes: 1000)) }
    #expect(try await run("echo 123", limits: Self.limits(bytes: 4)).output.count == 4)
    let bell = try CancellationBell()
    bell.ring()
    bell.ring()
    await #expect(throws: Errno.canceled) { try await run("sleep 1000", limits: Self.limits(stop: bell.ear)) }
    withExtendedLifetime(bell) {}
  }

  @Test("no descriptor stays open, however the program ends")
  func descriptors() async throws {
    // The pipes of a simultaneous test have other names.
    func pipes() throws -> Set<String> {
      let folder = "/proc/self/fd"
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      return Set(names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)") })
    }
    let output = try await run("readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2")
    let ours = Set(String(decoding: output.output, as: UTF8.self).split(separator: "\n").map(String.init))
    let open = try pipes()
    #expect(ours.count == 3 && open.isDisjoint(with: ours))
    #expect(throws: Errno.noSuchFileOrDirectory) {
      try ProgramOutput.of("/nowhere/program", [], signals: .unblocked)
    }
  }
}
