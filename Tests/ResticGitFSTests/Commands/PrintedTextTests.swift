import FoundationEssentials
import Glibc
import MessageText
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("Text from other people")
struct PrintedTextTests {
  @Test(
    "is printed without control characters and changes of the writing direction",
    arguments: [
      ("plain ünï 名前 🗄", "plain ünï 名前 🗄"), ("\u{1B}[2J", "?[2J"), ("a\u{9B}31mb\u{7F}", "a?31mb?"),
      ("a\nb\r\nc\td", "a?b??c?d"),
      ("gpj.\u{202E}exe", "gpj.?exe"), ("\u{2066}a\u{200B}\u{2028}", "?a??"), ("\u{1B}\u{301}", "?\u{301}"),
    ])
  func printable(_ text: String, _ shown: String) {
    #expect(text.printable == shown)
  }

  @Test("in a status does not break its lines")
  func status() throws {
    let text = #"""
      {"repository":"/srv/\u001b[2J","mountpoint":"/mnt/\n\u202e","pid":1,"readOnly":false,"state":"clean","dirtyBytes":0,
      "dirtyFiles":0,"version":"0\u009b","waiting":{"reason":"by evil\u001b]0;x\u0007","since":"then\n"}}
      """#
    let status = try JSONDecoder().decode(MountStatus.self, from: Data(text.utf8))
    let lines = StatusText.text(status).split(separator: "\n")
    #expect(lines.first == "/mnt/??")
    #expect(lines.count == 6)
    #expect(lines.contains { $0.hasSuffix("since then?: by evil?]0;x?") })
    for line in lines { #expect(line.printable == line) }
  }

  @Test("and a session of an earlier version without a device is not listed while it is mounted")
  func earlierVersion() throws {
    let home = try TemporaryDirectory()
    let directory = SessionDirectory(stateHome: home.path, repositoryID: String(repeating: "ab", count: 32))
    let file = try directory.create(SessionRecord(processID: getpid(), mountpoint: "/mnt/vault", state: .serving))
    let line = "1 2 0:60 / /mnt/vault rw - fuse.restic-gitfs vault rw,user_id=0,group_id=0\n"
    func find(_ table: String) -> [UnlistedSession] {
      UnlistedSession.find(stateHome: home.path, table: MountTable(parsing: Array(table.utf8)))
    }
    #expect(find(line).isEmpty)
    #expect(find("").map(\.state) == [.held])
    try file.update { $0.device = "0:61" }
    #expect(find(line).map(\.state) == [.held])
    try file.update { $0.device = "0:60" }
    #expect(find(line).isEmpty)
  }

  @Test("about a failed commit names the mountpoint")
  func failure() throws {
    let text = #"""
      {"repository":"/srv","mountpoint":"/mnt/vault","pid":77,"readOnly":false,"state":"dirty","dirtyBytes":0,"dirtyFiles":0,
      "version":"0","lastError":{"message":"no room","exitCode":1,"time":"then"}}
      """#
    let status = try JSONDecoder().decode(MountStatus.self, from: Data(text.utf8))
    let there = MountSynchronization.error(.ioError, status, isUnmounted: false)
    #expect(there.message?.contains("no room; it stays mounted, nothing is lost") == true)
    let gone = MountSynchronization.error(.ioError, status, isUnmounted: true)
    #expect(gone.message?.contains("it is unmounted here, and process 77 goes on") == true)
    #expect(gone.message?.contains("stays mounted") == false)
  }
}
