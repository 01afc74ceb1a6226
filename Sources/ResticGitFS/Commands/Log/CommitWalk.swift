/// Tells which commits are ancestors of others, from commits that are read one by one and kept for the next question.
/// Not safe from several threads at once.
///
/// The walk is git's own (`paint_down_to_common` of git's commit-reach.c): from both commits, the newest first, until
/// only common ancestors are left. It does not depend on the times being right; they only decide how soon it ends.
struct CommitWalk {
  /// From which of the two commits a commit is reached.
  private struct Paint: OptionSet {
    let rawValue: UInt8
    /// From the commit that may be an ancestor.
    static let old = Paint(rawValue: 1)
    /// From its descendant.
    static let new = Paint(rawValue: 2)
    /// From a commit that is reached from both: its ancestors decide nothing.
    static let stale = Paint(rawValue: 4)
  }

  private struct Entry {
    let number: Int32
    let time: Int64
  }

  private struct Known {
    let parents: [Int32]
    let time: Int64
  }

  /// The answer to one question.
  enum Answer: Hashable, Sendable {
    case ancestor
    case noAncestor
    /// A commit that would tell is missing.
    case unknown
    /// More than `questionLimit` commits were visited: the caller had better ask git.
    case tooFar
  }

  /// How many commits are kept for the next question: about 60 MB.
  private static let keptLimit = 300_000
  /// How many commits are visited for one question. A walk of git's own reads no more than the commit-graph file.
  static let questionLimit = 20_000

  private let read: (String) -> CommitReader.Commit?
  private var numbers: [String: Int32] = [:]
  private var names: [String] = []
  /// The commits by number; nil: not read yet.
  private var known: [Known?] = []
  /// The commits that cannot be read.
  private var missing: Set<Int32> = []

  /// Commits come from `read`, which returns nil for one that is missing.
  init(_ read: @escaping (String) -> CommitReader.Commit?) {
    self.read = read
  }

  /// Whether the commit to which `old` leads is an ancestor of the one to which `new` leads, or the same.
  mutating func isAncestor(_ old: String, of new: String) -> Answer {
    if names.count > Self.keptLimit { self = CommitWalk(read) }
    guard let old = start(old), let new = start(new) else { return .unknown }
    if old == new { return .ancestor }
    var paints: [Int32: Paint] = [:]
    var queue: [Entry] = []
    var liveCount = 0
    var isCertain = true

    func note(_ number: Int32, _ paint: Paint, _ time: Int64) {
      let entry = Entry(number: number, time: time)
      var (low, high) = (0, queue.count)
      while low < high {
        let middle = (low + high) / 2
        if queue[middle].time < time { low = middle + 1 } else { high = middle }
      }
      queue.insert(entry, at: low)
    }
    for (number, paint) in [(old, Paint.old), (new, Paint.new)] {
      paints[number] = paint
      note(number, paint, commit(number)?.time ?? 0)
    }
    liveCount = 2
    var visitedCount = 0
    // An entry is live if its commit is not stale. Paint is only added, so a commit's entries are live until it is stale.
    var entryCounts: [Int32: Int] = [old: 1, new: 1]
    while liveCount > 0, let entry = queue.popLast() {
      visitedCount += 1
      guard visitedCount <= Self.questionLimit else { return .tooFar }
      var paint = paints[entry.number] ?? []
      entryCounts[entry.number, default: 1] -= 1
      if !paint.contains(.stale) { liveCount -= 1 }
      if paint.isSuperset(of: [.old, .new]) { paint.insert(.stale) }
      guard let commit = commit(entry.number) else {
        // Behind it, the commit in question may be.
        if paint == .new { isCertain = false }
        continue
      }
      for parent in commit.parents {
        let before = paints[parent] ?? []
        guard !before.isSuperset(of: paint) else { continue }
        if parent == old, paint.contains(.new) { return .ancestor }
        let after = before.union(paint)
        paints[parent] = after
        if after.contains(.stale), !before.contains(.stale) { liveCount -= entryCounts[parent] ?? 0 }
        note(parent, after, self.commit(parent)?.time ?? 0)
        entryCounts[parent, default: 0] += 1
        if !after.contains(.stale) { liveCount += 1 }
      }
    }
    return isCertain ? .noAncestor : .unknown
  }

  /// The number of the commit to which the object `id` leads; nil if it leads to none.
  private mutating func start(_ id: String) -> Int32? {
    if let number = numbers[id] { return commit(number) == nil ? nil : number }
    guard let found = read(id) else { return nil }
    return take(found)
  }

  private mutating func number(of id: String) -> Int32 {
    if let number = numbers[id] { return number }
    let number = Int32(names.count)
    numbers[id] = number
    names.append(id)
    known.append(nil)
    return number
  }

  private mutating func take(_ commit: CommitReader.Commit) -> Int32 {
    let number = number(of: commit.id)
    let parents = commit.parents.map { self.number(of: $0) }
    known[Int(number)] = Known(parents: parents, time: commit.time)
    return number
  }

  private mutating func commit(_ number: Int32) -> Known? {
    if let commit = known[Int(number)] { return commit }
    guard !missing.contains(number), let found = read(names[Int(number)]) else {
      missing.insert(number)
      return nil
    }
    // git names the commit that it was asked for.
    _ = take(found)
    return known[Int(number)]
  }
}
