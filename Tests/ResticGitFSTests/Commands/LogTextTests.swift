import ArgumentParser
import ResticCore
import Testing

@testable import ResticGitFS

@Suite("The output of log")
struct LogTextTests {
  private static let id = Array(repeating: UInt8(ascii: "a"), count: 40)

  private static func line(
    _ ref: RefName, _ old: RefValue?, _ new: RefValue?, host: String = "laptop", _ ancestry: RefAncestry.Answer = .none
  ) -> LogLine {
    let snapshot = Snapshot(
      time: Timestamp(seconds: 1_700_000_000, nanoseconds: 0), tree: SHA256.id(of: []), paths: ["/git"], hostname: host,
      username: "alice")
    return LogLine(
      saved: SavedSnapshot(id: SHA256.id(of: [1]), snapshot: snapshot),
      move: RefMove(repository: ["p", "q.git"], name: ref, old: old, new: new), ancestry: ancestry)
  }

  @Test("a line names the client, the ref and both values, and a terminal gets no control characters")
  func text() {
    let line = Self.line("refs/heads/main", .object(Self.id), nil, host: "lap\u{1b}top")
    #expect(line.text.contains("  alice@lap?top  deleted  p/q.git: refs/heads/main  aaaaaaaaaa"))
    #expect(!line.text.contains(String(repeating: "a", count: 11)))
    #expect(
      Self.line("HEAD", nil, .symbolic("refs/heads/x")).text.hasSuffix("created  p/q.git: HEAD  ref: refs/heads/x"))
  }

  @Test("JSON always has every member")
  func json() {
    let json = Self.line("refs/heads/main", nil, .object(Self.id)).json
    #expect(json.contains(#""old":null"#) && json.contains(#""kind":"created""#))
    #expect(json.contains(#""repository":"p/q.git""#) && json.contains(#""time":"2023-11-14T22:13:20Z""#))
    #expect(json.contains("\"new\":\"\(String(repeating: "a", count: 40))\""))
  }

  @Test("a forced move is named so; an unknown one is called a move, and is null in JSON")
  func forced() {
    let answers: [(RefAncestry.Answer, String, String)] = [
      (.forward, "moved  ", "false"), (.forced, "forced ", "true"), (.unknown, "moved  ", "null"),
    ]
    for (answer, word, value) in answers {
      let line = Self.line("refs/heads/main", .object(Self.id), .object(Self.id), answer)
      #expect(line.text.contains("  \(word)  p/q.git: refs/heads/main  "))
      #expect(line.json.contains(#""kind":"moved""#) && line.json.contains("\"forced\":\(value)"))
    }
  }

  @Test("a ref has the name that git accepts")
  func names() {
    let move = RefMove(repository: [], name: "refs/heads/a/b", old: nil, new: nil)
    func isNamed(_ text: String) -> Bool { RefSelection([text], in: nil).accepts(move) }
    #expect(["a/b", "heads/a/b", "refs/heads/a/b"].allSatisfy(isNamed))
    #expect(!["b", "refs/heads/a", "a", "tags/a/b"].contains(where: isNamed))
  }

  @Test("a ref that was not found is named; a ref that was is not; a pattern and a path are no refs")
  func missing() throws {
    let move = RefMove(repository: ["p.git"], name: "refs/heads/main", old: nil, new: nil)
    let selection = RefSelection(["main", "nosuch", "v1"], in: nil)
    #expect(selection.accepts(move) && !selection.isSatisfied)
    let problem = try #require(selection.problem(isWhole: true))
    #expect(problem.hasPrefix("no snapshot has a ref 'nosuch' or 'v1'; "))
    #expect(selection.problem(isWhole: false)?.hasPrefix("no snapshot that can be read has") == true)
    for (text, words) in [("feature/*", "a pattern names no ref"), ("/mnt/vault", "nothing is mounted there")] {
      #expect(RefSelection([text], in: nil).problem(isWhole: true)?.contains(words) == true)
    }
    let found = RefSelection(["refs/heads/main"], in: ["p.git"])
    #expect(found.accepts(move) && found.isSatisfied && found.problem(isWhole: true) == nil)
    let elsewhere = RefSelection(["main"], in: ["q.git"])
    #expect(!elsewhere.accepts(move))
    #expect(elsewhere.problem(isWhole: true)?.contains("has a git repository in 'q.git'") == true)
    #expect(RefSelection([], in: nil).isEverything && RefSelection([], in: nil).isSatisfied)
  }

  @Test("a ref at a snapshot is split at the last @")
  func refAtSnapshot() throws {
    let wanted = try RefAtSnapshot("feature@{x}@1a2b")
    #expect(wanted.ref == "feature@{x}" && wanted.snapshot == "1a2b")
    for wrong in ["main", "@1a2b", "main@", ""] { #expect(throws: CommandError.self) { try RefAtSnapshot(wrong) } }
  }

  @Test("contradictory options are refused")
  func options() {
    for wrong in [["--as", "x"], ["-n", "-1"], ["--subfolder", "a/../b"]] {
      #expect(throws: (any Error).self) { try LogCommand.parse(wrong) }
    }
  }
}
