import FoundationEssentials
import Glibc
import Platform
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// P4 `umount --discard` says what is lost, and ends the serving process only.
@Suite("A mount that is given up", .timeLimit(.minutes(30)))
struct MountDiscardTests {
  private static func status(_ members: String) throws -> MountStatus {
    let text = """
      {"repository":"/srv/vault","mountpoint":"/mnt/vault","readOnly":false,"version":"0",\(members)}
      """
    return try JSONDecoder().decode(MountStatus.self, from: Data(text.utf8))
  }

  /// Of a device that no file system has.
  private static func discard(at path: FilePath = "/mnt/vault", ownerID: UInt32? = 0) -> MountDiscard {
    MountDiscard(mount: MountedDirectory(path: path), device: "0:4294967295", ownerID: ownerID)
  }

  @Test("loses nothing only if everything is saved and no file is open for writing")
  func loss() throws {
    let clean = #""pid":1,"state":"clean","dirtyBytes":0,"dirtyFiles":0"#
    #expect(Self.discard().lossText(try Self.status(clean)) == nil)
    #expect(Self.discard().lossText(try Self.status(clean + #","openForWriting":0"#)) == nil)
    let one = try #require(Self.discard().lossText(try Self.status(clean + #","openForWriting":1"#)))
    #expect(one.contains("written to 1 open file on /mnt/vault"))
    let dirty = #""pid":1,"state":"dirty","dirtyBytes":5,"dirtyFiles":1,"openForWriting":2"#
    let both = try #require(Self.discard().lossText(try Self.status(dirty)))
    #expect(both.contains("1 file with 5 B in memory") && both.contains("written to 2 open files"))
  }

  @Test(
    "kills the process that its status names only if it runs this program for the mount's owner",
    arguments: [("restic-gitfs", 0, true), ("restic-gitfs", 1, false), ("sleep", 0, false)])
  func process(_ name: String, _ otherUser: UInt32, _ isEnded: Bool) async throws {
    let folder = try TemporaryDirectory()
    let program = folder.path.appending(name)
    #expect(symlink("/bin/sleep", program.string) == 0)
    let process = try ChildProcess.start(program.string, ["600"], name: "sleep", signals: .unblocked)
    let child = process.processID
    let ended = Task { [child] in
      await BlockingExecutor(threadCount: 1).run { _ = waitpid(child, nil, 0) }
    }
    // The kernel names the process a moment after it has replaced its memory.
    try await waitUntil { ProcessIdentity(of: child)?.name == name }
    #expect(ProcessIdentity(of: child)?.userID == getuid())

    let status = try Self.status(#""pid":\#(child),"state":"clean","dirtyBytes":0,"dirtyFiles":0"#)
    try await Self.discard(at: folder.path, ownerID: getuid() + otherUser).giveUp(status, stateHome: nil)
    let isAlive = kill(child, 0) == 0
    #expect(isAlive != isEnded)
    if isAlive { kill(child, SIGKILL) }
    await ended.value
  }

  @Test("names no process if the number is invalid")
  func noProcess() {
    for number: Int32 in [0, -1, .min, .max] { #expect(ProcessIdentity(of: number) == nil) }
  }
}
