import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("A mount of a repository whose last session is still committing")
struct PreviousCommitTests {
  private let home: TemporaryDirectory
  private let directory: SessionDirectory

  init() throws {
    home = try TemporaryDirectory()
    directory = SessionDirectory(stateHome: home.path, repositoryID: String(repeating: "ab", count: 32))
  }

  private func makeSession(_ state: SessionRecord.State) throws -> SessionFile {
    try directory.create(SessionRecord(processID: getpid(), mountpoint: "/nowhere", state: state))
  }

  @Test("waits until the commit has ended, and says so once", arguments: [SessionRecord.State.committing, .serving])
  func waits(state: SessionRecord.State) async throws {
    // Serving, but not mounted any more: its process has not noticed yet.
    let held = Locked<SessionFile?>(try makeSession(state))
    let events = Locked<[String]>([])
    async let ending: Void = {
      try await waitUntil { !events.withLock { $0.isEmpty } }
      // Time in which a second line, or an early end of the wait, could show itself.
      try await Task.sleep(for: .milliseconds(200))
      events.withLock { $0.append("ended") }
      held.withLock { $0 = nil }
    }()
    try await PreviousCommit(directory: directory).wait { record in
      events.withLock { $0.append("waiting for \(record.mountpoint)") }
    }
    events.withLock { $0.append("went on") }
    try await ending
    #expect(events.withLock { $0 } == ["waiting for /nowhere", "ended", "went on"])
  }

  @Test("does not wait for a session that is starting, nor for a dead session")
  func passes() async throws {
    let session = try makeSession(.starting)
    try write(
      Array(#"{"pid":1,"mountpoint":"/mnt/dead","state":"committing"}"#.utf8),
      to: session.path.removingLastComponent().appending("dead.json"))
    try await PreviousCommit(directory: directory).wait { _ in Issue.record("nobody is committing") }
    withExtendedLifetime(session) {}
  }

  @Test("goes on if the other session could not commit and has mounted again")
  func remounted() async throws {
    let session = try makeSession(.committing)
    let isWaiting = Switch()
    async let wait: Void = PreviousCommit(directory: directory).wait { _ in isWaiting.isOn = true }
    try await waitUntil { isWaiting.isOn }
    // Stands for a mount that came back: no new mount waits for such a session.
    try session.update { $0.state = .starting }
    try await wait
    withExtendedLifetime(session) {}
  }

  @Test("stops waiting on cancellation")
  func cancelled() async throws {
    let session = try makeSession(.committing)
    let directory = directory
    let isWaiting = Switch()
    let task = Task { try await PreviousCommit(directory: directory).wait { _ in isWaiting.isOn = true } }
    try await waitUntil { isWaiting.isOn }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    withExtendedLifetime(session) {}
  }
}
