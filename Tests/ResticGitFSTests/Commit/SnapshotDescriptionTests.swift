import ResticCore
import Testing

@testable import ResticGitFS

// C8 A snapshot is later than its base.
@Suite("The time of a new snapshot")
struct SnapshotDescriptionTests {
  private static let tree = SHA256.id(of: [1] as [UInt8], as: BlobID.self)
  private static let summary = SnapshotSummary(backupStart: .now(), backupEnd: .now())

  private static func saved(_ time: Timestamp, id: UInt8 = 1) -> SavedSnapshot {
    SavedSnapshot(
      id: SHA256.id(of: [id] as [UInt8]), snapshot: Snapshot(time: time, tree: tree, paths: ["/git"]))
  }

  private static func description(base: Timestamp, earlier: [Timestamp] = []) -> SnapshotDescription {
    SnapshotDescription(
      base: saved(base), filter: SnapshotFilter(),
      identity: SnapshotIdentity(hostname: "here", username: "me", userID: 1, groupID: 1),
      earlier: earlier.enumerated().map { saved($1, id: UInt8($0) + 2) })
  }

  private static func time(_ text: String) throws -> Timestamp {
    try #require(Timestamp(rfc3339: text.utf8))
  }

  @Test("is the clock's time, or a nanosecond after the latest snapshot; the stored time is the compared time")
  func successor() throws {
    let now = try Self.time("2025-01-01T00:00:00.5Z")
    let cases = [
      ("2024-01-01T00:00:00Z", [String](), "2025-01-01T00:00:00.5Z"),
      ("2025-01-01T00:00:00.5Z", [], "2025-01-01T00:00:00.500000001Z"),
      ("2025-01-01T01:00:00.5+01:00", [], "2025-01-01T01:00:00.500000001+01:00"),
      ("2024-01-01T00:00:00Z", ["2025-01-01T00:00:00.999999999Z", "2024-01-01T00:00:00Z"], "2025-01-01T00:00:01Z"),
      ("9999-12-31T23:59:59.999Z", [], "9999-12-31T23:59:59.999000001Z"),
    ]
    for (base, earlier, expected) in cases {
      let description = Self.description(base: try Self.time(base), earlier: try earlier.map(Self.time))
      let snapshot = try description.successor(Self.tree, at: now, summary: Self.summary)
      #expect(snapshot.time.rfc3339 == expected)
      let stored = try Snapshot.decode(snapshot.encode())
      #expect(stored.time == snapshot.time)
      #expect(try stored.time > Self.time(base))
    }
  }

  @Test(
    "if no later time is storable the error names the latest snapshot, with advice",
    arguments: [
      "9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999-23:59", "9999-12-31T23:59:59.999999999+14:00",
    ])
  func endOfTime(text: String) throws {
    let last = try Self.time(text)
    for description in [Self.description(base: last), Self.description(base: .now(), earlier: [last])] {
      let error = #expect(throws: RepositoryError.self) {
        try description.successor(Self.tree, at: .now(), summary: Self.summary)
      }
      guard case .unstorableTime(let message)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      let name =
        (description.base?.snapshot.time == last ? description.base : description.earlier.first)?.id.short ?? ""
      #expect(message.contains("restic forget \(name)") && message.contains("restic rewrite --forget --new-time"))
    }
  }

  @Test("of a snapshot that is kept beside a newer one is older, or refused")
  func conflict() throws {
    let now = Timestamp.now()
    for text in [
      "2024-01-01T00:00:00Z", "0000-01-01T00:00:00.000000001Z", "0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59Z",
    ] {
      let newest = Self.saved(try Self.time(text))
      do throws(RepositoryError) {
        let snapshot = try Self.description(base: now).conflict(
          Self.tree, before: newest, at: now, summary: Self.summary)
        let stored = try? Snapshot.decode(snapshot.encode())
        #expect(stored?.time == snapshot.time)
        #expect(snapshot.time < newest.snapshot.time)
        #expect(!text.hasPrefix("0000-01-01T00:00:00+"))
      } catch {
        #expect(text.hasPrefix("0000-01-01T00:00:00+"), "\(error)")
      }
    }
  }
}
