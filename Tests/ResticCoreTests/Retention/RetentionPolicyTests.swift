import Testing

@testable import ResticCore

// C17 `--keep-…` mean what they mean to restic; `RetentionInteropTests` compares the two.
@Suite("The snapshots that a policy keeps")
struct RetentionPolicyTests {
  private static func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text.utf8)) }

  private static func snapshots(_ times: [String], tags: [String] = []) throws -> [SavedSnapshot] {
    try times.enumerated().map { index, text in
      let snapshot = Snapshot(time: try time(text), tree: BlobID(words: (1, 1, 1, 1)), paths: ["/git"], tags: tags)
      return SavedSnapshot(id: SnapshotID(words: (UInt64(index), 0, 0, 0)), snapshot: snapshot)
    }
  }

  /// The indexes of the removed snapshots.
  private static func removals(_ policy: RetentionPolicy, _ snapshots: [SavedSnapshot]) throws -> [UInt64] {
    policy.removals(from: snapshots, at: try time("2030-01-01T00:00:00Z")).map(\.id.words.0)
  }

  @Test("an empty policy keeps everything")
  func empty() throws {
    let snapshots = try Self.snapshots(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])
    var policy = RetentionPolicy()
    #expect(policy.isEmpty)
    policy.counts = [.daily: .number(0)]
    policy.withins = [.weekly: RetentionPeriod()]
    #expect(policy.isEmpty)
    #expect(try Self.removals(policy, snapshots).isEmpty)
  }

  @Test("the last snapshot of each period is kept, and the oldest of all while the count allows")
  func spans() throws {
    let snapshots = try Self.snapshots([
      "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z", "2026-01-02T10:00:00Z", "2026-01-02T12:00:00Z",
      "2026-01-03T00:30:00+01:00",
    ])
    var policy = RetentionPolicy()
    policy.counts = [.daily: .number(2)]
    // The last one is of the third by its own zone.
    #expect(try Self.removals(policy, snapshots) == [0, 1, 2])
    policy.counts = [.daily: .number(4)]
    #expect(try Self.removals(policy, snapshots) == [2])
    policy.counts = [.daily: .unlimited]
    #expect(try Self.removals(policy, snapshots) == [2])
    policy.counts = [:]
    policy.last = .number(1)
    #expect(try Self.removals(policy, snapshots) == [0, 1, 2, 3])
  }

  @Test("weeks begin on Monday, and a week across New Year is one week")
  func weeks() throws {
    let times = ["2025-12-28T23:00:00Z", "2025-12-29T00:00:00Z", "2026-01-04T23:59:59Z", "2026-01-05T00:00:00Z"]
    let numbers = try times.map { RetentionInterval.weekly.number(of: try Self.time($0)) }
    #expect(numbers[1] == numbers[0] + 1 && numbers[2] == numbers[1] && numbers[3] == numbers[2] + 1)
  }

  @Test(
    "a period consists of numbers with units",
    arguments: [
      ("1y5m7d2h", RetentionPeriod(years: 1, months: 5, days: 7, hours: 2)), ("36h", RetentionPeriod(hours: 36)),
      ("2d1y", RetentionPeriod(years: 1, days: 2)), ("1d3d", RetentionPeriod(days: 3)), ("", RetentionPeriod()),
    ])
  func period(text: String, period: RetentionPeriod) {
    #expect(RetentionPeriod(text: text) == period)
  }

  @Test(
    "anything else is neither a period nor a count",
    arguments: ["5", "d", "1w", "-1d", "1d2", "1 d", "9999999d", "1.5h"])
  func wrong(text: String) {
    #expect(RetentionPeriod(text: text) == nil)
    #expect(RetentionPolicy.Count(text: "x\(text)") == nil)
    #expect(RetentionPolicy.Count(text: "-2") == nil)
  }

  @Test("counts are numbers, unlimited and -1")
  func counts() {
    #expect(RetentionPolicy.Count(text: "7") == .number(7))
    #expect(RetentionPolicy.Count(text: "unlimited") == .unlimited && RetentionPolicy.Count(text: "-1") == .unlimited)
  }

  @Test("a period counts by the calendar: a missing day of a month falls into the next month")
  func calendar() throws {
    let march = try Self.time("2026-03-31T12:00:00.5+02:00")
    #expect(try RetentionPeriod(months: 1).before(march) == Self.time("2026-03-03T12:00:00.5+02:00"))
    #expect(try RetentionPeriod(years: 1, months: 3).before(march) == Self.time("2024-12-31T12:00:00.5+02:00"))
    #expect(
      try RetentionPeriod(years: 2, days: 31, hours: 13).before(march) == Self.time("2024-02-28T23:00:00.5+02:00"))
  }
}
