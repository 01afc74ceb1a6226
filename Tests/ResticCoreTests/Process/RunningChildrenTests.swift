import Glibc
import Platform
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

// H2, L1 However a program ends, nothing that it has started stays behind.
@Suite("Programs that end with this process", .timeLimit(.minutes(30)))
struct RunningChildrenTests {
  private static func start(
    _ script: String, _ children: RunningChildren, leadsGroup: Bool = false
  ) throws -> ChildProcess {
    try ChildProcess.start(
      "/bin/sh", ["-c", script], files: [0: "/dev/null"], signals: .unblocked, leadsGroup: leadsGroup,
      endsWith: children)
  }

  @Test("those that run are ended, with their group if they lead one; those that have ended are not touched")
  func ends() async throws {
    let children = RunningChildren()
    let over = try Self.start("exit 3", children)
    #expect(over.wait() == .exited(3))
    let alone = try Self.start("exec sleep 1000", children)
    let leader = try Self.start("sleep 1000 & wait", children, leadsGroup: true)
    try PlainThread.start { children.end() }
    #expect(alone.wait() == .killed(signal: SIGTERM) && leader.wait() == .killed(signal: SIGTERM))
    // The group is empty, too.
    try await waitUntil { kill(-leader.processID, 0) != 0 && errno == ESRCH }
  }

  @Test("one that ignores the request is killed; after the end none starts")
  func stubborn() async throws {
    let children = RunningChildren()
    let pipe = try Platform.Pipe()
    let child = try ChildProcess.start(
      "/bin/sh", ["-c", "trap '' TERM INT; echo ready >&2; exec sleep 1000"],
      descriptors: [(STDERR_FILENO, pipe.writeEnd)], signals: .unblocked, leadsGroup: true, endsWith: children)
    pipe.writeEnd.closeQuietly()
    var byte: UInt8 = 0
    #expect(try withUnsafeMutableBytes(of: &byte) { try pipe.readEnd.read(into: $0) } == 1)
    await BlockingExecutor(threadCount: 1).run { children.end() }
    #expect(child.wait() == .killed(signal: SIGKILL))
    pipe.readEnd.closeQuietly()
    #expect(throws: Errno.canceled) { try Self.start("exit 0", children) }
  }

  @Test("ending those that are there leaves room for others")
  func present() async throws {
    let children = RunningChildren()
    let first = try Self.start("exec sleep 1000", children)
    try PlainThread.start { children.endPresent() }
    #expect(first.wait() == .killed(signal: SIGTERM))
    #expect(try Self.start("exit 0", children).wait() == .exited(0))
  }

  @Test("whether one has ended is found out without waiting, and its end is told once")
  func look() async throws {
    let children = RunningChildren()
    let child = try Self.start("exec sleep 1000", children)
    #expect(child.endIfOver() == nil)
    kill(child.processID, SIGKILL)
    try await waitUntil { child.endIfOver() != nil }
    #expect(child.endIfOver() == .killed(signal: SIGKILL) && child.wait() == .killed(signal: SIGKILL))
  }
}
