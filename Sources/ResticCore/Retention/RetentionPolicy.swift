/// Which snapshots of a group are kept, in the terms of `restic forget`.
///
/// One reason is enough to keep a snapshot.
/// Source: restic, internal/data/snapshot_policy.go (ApplyPolicy); checked against `restic forget --dry-run` in
/// `RetentionInteropTests`.
public struct RetentionPolicy: Hashable, Sendable {
  /// How many snapshots, or how many time spans.
  public enum Count: Hashable, Sendable {
    case number(Int)
    case unlimited

    /// From a number, `unlimited` or, as some versions of restic have it, -1. Nil for anything else.
    public init?(text: String) {
      if text == "unlimited" || text == "-1" {
        self = .unlimited
      } else if let number = Int(text), number >= 0 {
        self = .number(number)
      } else {
        return nil
      }
    }

    fileprivate var isLeft: Bool { self != .number(0) }

    fileprivate mutating func take() {
      if case .number(let number) = self { self = .number(number - 1) }
    }
  }

  /// `--keep-last`.
  public var last = Count.number(0)
  /// `--keep-hourly` to `--keep-yearly`: of how many spans the last snapshot is kept.
  public var counts: [RetentionInterval: Count] = [:]
  /// `--keep-within`: keeps all snapshots no older than this, counted from the newest.
  public var within = RetentionPeriod()
  /// `--keep-within-hourly` to `--keep-within-yearly`: keeps the last snapshot of each span no older than this, counted
  /// from the newest.
  public var withins: [RetentionInterval: RetentionPeriod] = [:]
  /// `--keep-tag`: keeps all snapshots that have all tags of one of these lists. An empty tag means "has no tags".
  public var tags: [[String]] = []

  /// An empty policy.
  public init() {}

  /// Whether the policy is empty; an empty policy keeps every snapshot.
  public var isEmpty: Bool {
    !last.isLeft && !counts.values.contains(where: \.isLeft) && within.isZero && withins.values.allSatisfy(\.isZero)
      && tags.isEmpty
  }

  /// The snapshots among `snapshots`, the oldest first, that the policy does not keep at the time `now`.
  public func removals(from snapshots: [SavedSnapshot], at now: Timestamp) -> [SavedSnapshot] {
    guard !isEmpty else { return [] }
    let times = snapshots.lazy.map(\.snapshot.time)
    // Periods are counted from the newest snapshot that is not in the future.
    let latest = times.filter { $0 < now }.max() ?? .zero
    let tagged = tags.isEmpty ? nil : SnapshotFilter(tags: tags)
    let nearest = within.isZero ? nil : within.before(latest)
    var keepers = makeKeepers(latest)
    var last = last
    var removals: [SavedSnapshot] = []
    for (index, saved) in snapshots.enumerated().reversed() {
      let time = saved.snapshot.time
      var isKept = tagged?.matches(saved.snapshot) ?? false
      if let nearest, nearest < time { isKept = true }
      if last.isLeft {
        last.take()
        isKept = true
      }
      for keeper in keepers.indices where keepers[keeper].keeps(time, isOldest: index == 0) { isKept = true }
      if !isKept { removals.append(saved) }
    }
    return removals.reversed()
  }

  private func makeKeepers(_ latest: Timestamp) -> [Keeper] {
    RetentionInterval.allCases.flatMap { interval in
      [
        counts[interval].map { Keeper(interval: interval, count: $0, after: nil) },
        withins[interval].flatMap {
          $0.isZero ? nil : Keeper(interval: interval, count: .unlimited, after: $0.before(latest))
        },
      ].compactMap(\.self)
    }
  }

  /// Keeps the last snapshot of each span, going from the newest to the oldest.
  private struct Keeper {
    let interval: RetentionInterval
    /// For how many more spans a snapshot may be kept.
    var count: Count
    /// Snapshots up to this time are not kept.
    let after: Timestamp?
    var lastNumber: Int64?

    /// Whether the snapshot of `time` is kept. The oldest of all is kept while the count is not used up: the history
    /// reaches back as far as possible.
    mutating func keeps(_ time: Timestamp, isOldest: Bool) -> Bool {
      guard count.isLeft else { return false }
      if let after, !(after < time) { return false }
      let number = interval.number(of: time)
      guard number != lastNumber || isOldest else { return false }
      lastNumber = number
      count.take()
      return true
    }
  }
}
