import Testing

@testable import ResticCore

@Suite struct SnapshotTests {
  /// A snapshot with all members of restic 0.17 and one of a version to come.
  static let newSnapshot = Array(
    (#"{"time":"2024-06-07T08:09:10.123456789+02:00","parent":"\#(String(repeating: "1", count: 64))","#
      + #""tree":"\#(String(repeating: "2", count: 64))","paths":["/git","/é\u003c"],"hostname":"h","username":"u","uid":1,"gid":2,"#
      + #""excludes":["a"],"tags":["t"],"original":"\#(String(repeating: "3", count: 64))","program_version":"restic 0.17.3","#
      + #""summary":{"backup_start":"2024-06-07T08:09:10Z","backup_end":"2024-06-07T08:09:11.5Z","files_new":1,"files_changed":2,"#
      + #""files_unmodified":3,"dirs_new":4,"dirs_changed":5,"dirs_unmodified":6,"data_blobs":7,"tree_blobs":8,"data_added":9,"#
      + #""data_added_packed":10,"total_files_processed":11,"total_bytes_processed":18446744073709551615,"more":[]},"new":{"a":1}}"#)
      .utf8)

  @Test("snapshots that restic wrote are encoded to the same bytes", arguments: RealFiles.snapshots + [newSnapshot])
  func real(file: [UInt8]) throws {
    #expect(try Snapshot.decode(file).encode() == file)
  }

  @Test("the members of a real snapshot are those of the backup")
  func meaning() throws {
    let snapshot = try Snapshot.decode(RealFiles.excludingSnapshot)
    #expect(
      snapshot.hostname == "h\"o" && snapshot.username == "nobody" && snapshot.uid == 65534 && snapshot.gid == 65534)
    #expect(snapshot.tags == ["a", "b<c"] && snapshot.excludes == ["*.tmp", "q'\"&"])
    #expect(snapshot.time.offsetMinutes == 330 && snapshot.parent == nil && snapshot.summary == nil)
    let retagged = try Snapshot.decode(RealFiles.retaggedSnapshot)
    #expect(retagged.original != nil && retagged.parent != nil && retagged.tags == ["new"])
    #expect(retagged.time.offsetMinutes == -210)
  }

  @Test("the members of a new snapshot are all known but one")
  func newMembers() throws {
    let snapshot = try Snapshot.decode(Self.newSnapshot)
    let summary = try #require(snapshot.summary)
    #expect(summary.filesNew == 1 && summary.dirsUnmodified == 6 && summary.dataBlobs == 7 && summary.treeBlobs == 8)
    #expect(summary.dataAdded == 9 && summary.dataAddedPacked == 10 && summary.totalFilesProcessed == 11)
    #expect(summary.totalBytesProcessed == .max && summary.backupEnd.nanoseconds == 500_000_000)
    #expect(snapshot.unknownFields == [UnknownField(key: "new", rawValue: Array(#"{"a":1}"#.utf8))])
    #expect(snapshot.programVersion == "restic 0.17.3")
  }

  @Test("a snapshot needs a time and a tree and nothing else")
  func required() throws {
    let tree = String(repeating: "a", count: 64)
    let least = try Snapshot.decode(Array("{\"tree\":\"\(tree)\",\"time\":\"2024-01-01T00:00:00Z\"}".utf8))
    #expect(least.paths.isEmpty && least.hostname.isEmpty)
    for text in [
      "{}", "{\"tree\":\"\(tree)\"}", #"{"time":"2024-01-01T00:00:00Z"}"#, #"{"time":null,"tree":null}"#, "",
    ] {
      #expect(throws: FormatError.self) { try Snapshot.decode(Array(text.utf8)) }
    }
  }
}
