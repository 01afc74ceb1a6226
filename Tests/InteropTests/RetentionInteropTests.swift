import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

// C17 `--keep-…` mean what they mean to `restic forget`.
@Suite("The snapshots that restic forget would remove", .timeLimit(.minutes(30)))
struct RetentionInteropTests {
  /// A group as `restic forget --json` tells.
  private struct Group: Decodable {
    struct Entry: Decodable { let id: String }
    let keep: [Entry]?
    let remove: [Entry]?
  }

  /// A policy, and the same in restic's words.
  private struct Words {
    var policy = RetentionPolicy()
    var options: [String] = []
  }

  private static let intervals = RetentionInterval.allCases

  @Test(
    "are those that this program would remove, for random times, zones, tags and policies",
    arguments: [1, 2, 3] as [UInt64])
  func random(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let directory = try TemporaryDirectory(prefix: "retention")
    let restic = Restic(in: directory)
    let repository = try await restic.create(version: 2)
    let snapshots = try await Self.fill(repository, count: 60, &random)
    // Versions before 0.16 have no word for it.
    let usage = try await restic("forget", "--help")
    for _ in 0..<25 {
      let words = Self.words(&random, unlimited: usage.contains("use 'unlimited' to keep") ? "unlimited" : "1000000")
      let removed = words.policy.removals(from: snapshots, at: .now()).map(\.id.hex)
      var judged = try await Self.removals(restic, words.options)
      // Earlier versions of restic do not keep the oldest one of all for `--keep-within-…`.
      if !words.policy.withins.isEmpty { judged.removeAll { $0 == snapshots[0].id.hex && !removed.contains($0) } }
      #expect(removed.sorted() == judged, "\(words.options)")
    }
  }

  /// Snapshots over some years, many of them near each other; the oldest first.
  private static func fill(
    _ repository: Repository, count: Int, _ random: inout SplitMix64
  ) async throws -> [SavedSnapshot] {
    let uploader = repository.makeUploader()
    let root = try await uploader.add(Array("{\"nodes\":[]}\n".utf8), type: .tree)
    let tree = try await uploader.finish(root: root)
    var seconds: Int64 = 1_500_000_000
    for number in 0..<count {
      let gap: [ClosedRange<Int64>] = [1...4000, 1000...100_000, 80_000...3_000_000, 2_000_000...40_000_000]
      seconds += Int64.random(in: gap[Int.random(in: 0..<gap.count, using: &random)], using: &random)
      // The last ones are in the future.
      if number == count - 2, Bool.random(using: &random) { seconds = max(seconds, 2_500_000_000) }
      let offset = [Int16(0), 60, -480, 345, 840, -210][Int.random(in: 0..<6, using: &random)]
      let tags = ["a", "b", "c"].filter { _ in Int.random(in: 0..<5, using: &random) == 0 }
      try await repository.save(
        try repository.seal(
          Snapshot(
            time: Timestamp(seconds: seconds, nanoseconds: UInt32(number), offsetMinutes: offset), tree: root,
            paths: ["/git"], hostname: "host\(number % 3)", tags: tags), of: tree))
    }
    return try await repository.snapshots()
  }

  private static func words(_ random: inout SplitMix64, unlimited: String) -> Words {
    var words = Words()
    func count() -> (RetentionPolicy.Count, String) {
      let number = Int.random(in: 0...9, using: &random)
      return number == 9 ? (.unlimited, unlimited) : (.number(number), "\(number)")
    }
    func period() -> (RetentionPeriod, String) {
      var text = ""
      for unit in ["y", "m", "d", "h"] where Bool.random(using: &random) {
        text += "\(Int.random(in: 0...15, using: &random))\(unit)"
      }
      if text.isEmpty { text = "9d" }
      return (RetentionPeriod(text: text) ?? RetentionPeriod(), text)
    }
    if Int.random(in: 0..<4, using: &random) == 0 {
      let (number, text) = count()
      words.policy.last = number
      words.options += ["--keep-last=\(text)"]
    }
    for interval in intervals {
      if Int.random(in: 0..<4, using: &random) == 0 {
        let (number, text) = count()
        words.policy.counts[interval] = number
        words.options += ["--keep-\(interval.rawValue)=\(text)"]
      }
      if Int.random(in: 0..<6, using: &random) == 0 {
        let (time, text) = period()
        words.policy.withins[interval] = time
        words.options += ["--keep-within-\(interval.rawValue)=\(text)"]
      }
    }
    if Int.random(in: 0..<4, using: &random) == 0 {
      let (time, text) = period()
      words.policy.within = time
      words.options += ["--keep-within=\(text)"]
    }
    if Int.random(in: 0..<4, using: &random) == 0 {
      words.policy.tags = [["a", "b"], ["c"]]
      words.options += ["--keep-tag=a,b", "--keep-tag=c"]
    }
    return words
  }

  private static func removals(_ restic: Restic, _ options: [String]) async throws -> [String] {
    let result = try await restic.runner(
      ["forget", "--dry-run", "--no-lock", "--no-cache", "--json", "--group-by", "paths"] + options)
    let line = result.output.split(separator: "\n").first { $0.hasPrefix("[") } ?? "[]"
    let groups = try JSONDecoder().decode([Group].self, from: Data(line.utf8))
    return groups.flatMap { $0.remove ?? [] }.map(\.id).sorted()
  }
}

extension Restic {
  /// What restic says, in UTC: a time whose zone is that of the machine counts by its summer time, too.
  fileprivate func runner(_ arguments: [String]) async throws -> ProcessResult {
    try await check(arguments, environment: ["TZ": "UTC"])
  }
}
