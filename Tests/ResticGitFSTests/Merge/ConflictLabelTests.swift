import ResticCore
import Testing

@testable import ResticGitFS

@Suite("ConflictLabel")
struct ConflictLabelTests {
  @Test(
    "any host name becomes a valid part of a ref's name",
    arguments: [
      ("host", "host"), ("", "unknown"), ("a b/c:d", "a-b-c-d"), ("..", "-"), (".x", "-x"), ("a..b", "a.-b"),
      ("a.", "a"),
      ("x.lock", "x.lock-"), ("männlich~^", "m-nnlich--"), ("@{", "--"),
      (String(repeating: "h", count: 100), String(repeating: "h", count: 64)),
    ])
  func hosts(host: String, expected: String) {
    #expect(ConflictLabel(host: host, time: .zero).host == expected)
  }

  @Test("times have no separators")
  func times() {
    #expect(
      ConflictLabel(host: "h", time: Timestamp(seconds: 0, nanoseconds: 5, offsetMinutes: 90)).time
        == "19700101T000000Z")
  }

  @Test(
    "any ref name becomes a valid ref name",
    arguments: [
      ("refs/heads/a/b", "heads/a/b"), ("HEAD", "HEAD"), ("refs/heads/a b", "heads/a-b"), ("refs/heads/.a", "heads/-a"),
      ("refs/heads/a..b", "heads/a.-b"), ("refs/heads/a.lock/x", "heads/a.lock-/x"), ("refs/heads/a.", "heads/a.-"),
      ("refs/x@{1", "x@-1"), ("refs/q?*[\\~^:", "q-------"), ("refs", "refs"), ("refs//x", "x"),
    ] as [(RefName, RefName)])
  func refs(name: RefName, expected: RefName) {
    #expect(name.sanitizedForConflict == expected)
  }
}
