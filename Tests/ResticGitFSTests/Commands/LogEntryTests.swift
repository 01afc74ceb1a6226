import FoundationEssentials
import Glibc
import Logging
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

/// U11, U12: the forms of log lines.
@Suite("A line of the log")
struct LogEntryTests {
  private let line = LogEntry(
    time: Timestamp(seconds: 1_700_000_000, nanoseconds: 5), level: .warning, message: "it \"broke\"\nhere\u{1B}[2J",
    fields: ["path": "/a\nb", "error": "EIO"])

  @Test("is text with its fields, or one JSON object")
  func forms() throws {
    #expect(line.short(.text).hasPrefix("it \"broke\" here") && line.short(.text).hasSuffix("error=EIO path=/a b"))
    #expect(!line.complete(.json).contains("\u{1B}") && !line.complete(.json).contains("\n"))
    struct Members: Decodable, Equatable {
      var time: String
      var level: String
      var fields: [String: String]?
    }
    let members = try JSONDecoder().decode(Members.self, from: Data(line.complete(.json).utf8))
    #expect(members.time == "2023-11-14T22:13:20.000000005Z" && members.level == "warning")
    #expect(members.fields?["error"] == "EIO")
    #expect(!LogEntry(level: .info, message: "x").json.contains("fields"))
  }

  @Test("is written to a file as JSON on request")
  func file() throws {
    let folder = try TemporaryDirectory(prefix: "log")
    let destination = LogDestination()
    let path = folder.path.appending("log")
    try destination.useFile(path)
    destination.format = .json
    destination.makeLogger(level: .info).notice("mounted", metadata: ["at": "/mnt"])
    let text = String(decoding: try FileContent.load(path), as: UTF8.self)
    #expect(text.contains(#""fields":{"at":"/mnt"},"level":"notice","message":"mounted""#) && text.hasSuffix("}\n"))
  }

  @Test("never waits for a reader: a FIFO without a reader is refused")
  func unreadFIFO() throws {
    let folder = try TemporaryDirectory(prefix: "log")
    let path = folder.path.appending("fifo")
    #expect(path.withPlatformString { mkfifo($0, 0o600) } == 0)
    #expect(throws: CommandError.self) { try LogDestination().useFile(path) }
  }

  @Test("begins with a priority only if the journal reads standard error")
  func journal() throws {
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    var attributes = stat()
    fstat(ends[1], &attributes)
    let own = "\(attributes.st_dev):\(attributes.st_ino)"
    #expect(JournalStream.isConnected(own, descriptor: ends[1]))
    for other in [nil, "", "1:2", own + "0"] { #expect(!JournalStream.isConnected(other, descriptor: ends[1])) }
    #expect(Logger.Level.error.priority == 3 && Logger.Level.debug.priority == 7 && Logger.Level.warning.priority == 4)
  }
}
