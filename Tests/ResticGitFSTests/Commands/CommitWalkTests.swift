import ResticTestSupport
import Testing

@testable import ResticGitFS

// C18 Which moves were forced.
@Suite("Which commits are ancestors of others")
struct CommitWalkTests {
  /// Commits by id.
  private typealias History = [String: CommitReader.Commit]

  private static func history(_ lines: [(String, [String], Int64)]) -> History {
    Dictionary(
      uniqueKeysWithValues: lines.map { id, parents, time in
        (id, CommitReader.Commit(id: id, parents: parents, time: time))
      })
  }

  /// Whether `old` is reached from `new`, found out without any wit.
  private static func isReached(_ old: String, from new: String, in history: History) -> Bool {
    var open = [new]
    var seen: Set<String> = []
    while let id = open.popLast() {
      if id == old { return true }
      if seen.insert(id).inserted { open += history[id]?.parents ?? [] }
    }
    return false
  }

  @Test("answers are right in histories of all shapes, whatever the times say: 300 at random")
  func model() {
    var chance = SplitMix64(seed: 5)
    for round in 0..<300 {
      let count = Int.random(in: 2...24, using: &chance)
      var history: History = [:]
      for number in 0..<count {
        let parents = (0..<number).filter { _ in Int.random(in: 0..<max(number, 1), using: &chance) < 2 }.map {
          "\($0)"
        }
        // Every third history has times that mean nothing.
        let time = round % 3 == 0 ? Int64.random(in: 0...5, using: &chance) : Int64(number)
        history["\(number)"] = CommitReader.Commit(id: "\(number)", parents: parents, time: time)
      }
      var walk = CommitWalk { history[$0] }
      for old in 0..<count {
        for new in 0..<count {
          let expected: CommitWalk.Answer =
            Self.isReached("\(old)", from: "\(new)", in: history) ? .ancestor : .noAncestor
          #expect(walk.isAncestor("\(old)", of: "\(new)") == expected, "\(round): \(old) of \(new) in \(history)")
        }
      }
    }
  }

  @Test("each commit is read once, and only as far back as the answer needs")
  func reads() {
    let long = Self.history((0..<5000).map { ("\($0)", $0 == 0 ? [] : ["\($0 - 1)"], Int64($0)) })
    var reads: [String] = []
    var walk = CommitWalk { id in
      reads.append(id)
      return long[id]
    }
    for number in 4000..<4999 { #expect(walk.isAncestor("\(number)", of: "\(number + 1)") == .ancestor) }
    #expect(walk.isAncestor("4500", of: "4400") == .noAncestor)
    #expect(reads.count == Set(reads).count && reads.count < 1100, "\(reads.count)")
  }

  @Test("where a commit is missing on the way, the answer is not a guess")
  func missing() {
    let history = Self.history([
      ("d", ["c", "x"], 4), ("c", ["b"], 3), ("b", ["lost"], 2), ("a", [], 1), ("x", ["a"], 2),
    ])
    var walk = CommitWalk { history[$0] }
    #expect(walk.isAncestor("a", of: "c") == .unknown)
    #expect(walk.isAncestor("a", of: "d") == .ancestor)
    #expect(walk.isAncestor("lost", of: "c") == .unknown)
    #expect(walk.isAncestor("c", of: "nowhere") == .unknown)
    // What is missing behind the commit in question does not matter.
    #expect(walk.isAncestor("b", of: "x") == .noAncestor)
  }

  @Test("a walk that leads far back is left to git")
  func far() {
    let count = CommitWalk.questionLimit + 10
    var walk = CommitWalk { id in
      // Two histories that have nothing in common.
      guard let number = Int(id.dropFirst()), number > 0 else {
        return CommitReader.Commit(id: id, parents: [], time: 0)
      }
      return CommitReader.Commit(id: id, parents: ["\(id.prefix(1))\(number - 1)"], time: Int64(number))
    }
    #expect(walk.isAncestor("a\(count)", of: "b\(count)") == .tooFar)
    #expect(walk.isAncestor("b\(count - 1)", of: "b\(count)") == .ancestor)
  }
}
