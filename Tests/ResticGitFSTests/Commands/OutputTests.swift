import FoundationEssentials
import ResticCore
import Testing

@testable import ResticGitFS

@Suite("The output of commands")
struct OutputTests {
  private func snapshot(_ digit: Character, host: String = "kasimir", paths: [String]) throws -> SavedSnapshot {
    let id = try #require(SnapshotID(hex: String(repeating: digit, count: 64)))
    let tree = try #require(BlobID(hex: String(repeating: "0", count: 64)))
    return SavedSnapshot(
      id: id,
      snapshot: Snapshot(
        time: Timestamp(seconds: 1_700_000_000, nanoseconds: 0), tree: tree, paths: paths, hostname: host,
        tags: ["git", "work"]))
  }

  @Test("snapshots in restic's JSON: as stored, with their ids")
  func json() throws {
    let bytes = SnapshotTable.json([try snapshot("a", paths: ["/git"]), try snapshot("b", paths: ["/x", "/<y>"])])
    let decoded = try JSONDecoder().decode([ListedSnapshot].self, from: Data(bytes))
    #expect(decoded.map(\.shortID) == ["aaaaaaaa", "bbbbbbbb"])
    #expect(decoded.map(\.id.count) == [64, 64])
    #expect(decoded[1].paths == ["/x", "/<y>"] && decoded[1].tags == ["git", "work"])
    #expect(SnapshotTable.json([]) == Array("[]\n".utf8))
  }

  private struct ListedSnapshot: Decodable {
    let id: String
    let shortID: String
    let paths: [String]
    let tags: [String]

    private enum CodingKeys: String, CodingKey {
      case id
      case shortID = "short_id"
      case paths
      case tags
    }
  }

  @Test("snapshots in restic's columns, one line per path, without control characters")
  func table() throws {
    let text = SnapshotTable.text([
      try snapshot("a", host: "evil\u{1B}[2J", paths: ["/git"]), try snapshot("b", paths: ["/x", "/y"]),
    ])
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0] == "ID        Time                 Host        Tags        Paths")
    #expect(lines[1].allSatisfy { $0 == "-" })
    #expect(lines[2].hasPrefix("aaaaaaaa  2023-11-1") && lines[2].hasSuffix("evil?[2J    git,work    /git"))
    #expect(lines[3].isEmpty)
    #expect(lines[4].hasSuffix("kasimir     git,work    /x"))
    #expect(lines[5] == String(repeating: " ", count: 55) + "/y")
    #expect(lines.suffix(2) == ["2 snapshots", ""])
    #expect(SnapshotTable.text([]) == "0 snapshots\n")
  }

  @Test("the result of a commit")
  func commit() {
    let id = String(repeating: "ab", count: 32)
    #expect(CommitReport(snapshot: id, changed: true, saved: true).text == "snapshot abababab saved")
    #expect(CommitReport(snapshot: id, changed: true).text == "nothing to save, snapshot is now abababab")
    #expect(CommitReport(snapshot: id, changed: false).text == "no changes, snapshot is abababab")
    #expect(CommitReport(snapshot: nil, changed: false).text == "no changes, nothing saved yet")
    #expect(
      CommitReport(snapshot: id, changed: true, isConflict: true).text == "snapshot abababab saved, with conflicts")
    #expect(
      CommitReport(snapshot: nil, changed: false).json
        == #"{"changed":false,"conflict":false,"message_type":"summary","saved":false,"snapshot":null}"#)
  }

  @Test(
    "sizes in the largest unit that fits",
    arguments: [
      (UInt64(0), "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (13 << 20, "13.0 MiB"),
      (5 << 40, "5.0 TiB"), (UInt64.max, "16777215.9 TiB"),
    ])
  func sizes(byteCount: UInt64, text: String) {
    #expect(ByteCountText.text(byteCount) == text)
  }

  @Test("the progress of a commit: files, bytes and, after a moment, the rate and the time left")
  func progress() {
    let figures = MountStatus.Progress(filesDone: 12, filesTotal: 40, bytesDone: 3 << 20, bytesTotal: 12 << 20)
    #expect(
      ProgressLine.text(figures, byteCount: 2 << 20, in: .seconds(2))
        == "committing: 12 of 40 files, 3.0 MiB of 12.0 MiB, 1.0 MiB/s, 9 s left")
    #expect(
      ProgressLine.text(figures, byteCount: 0, in: .zero) == "committing: 12 of 40 files, 3.0 MiB of 12.0 MiB")
  }

  @Test("a usage error in one line that names the help page")
  func usage() {
    #expect(
      UsageMessage.line(for: "Unknown option '--x'\n  here", arguments: ["mount", "--x"])
        == "Unknown option '--x' here; see `restic-gitfs mount --help`")
    #expect(UsageMessage.line(for: "What?", arguments: ["bogus"]) == "What?; see `restic-gitfs --help`")
  }
}
