import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

// R14 What git left in the repository was pushed by somebody.
@Suite("FuzzTests of git's files")
struct GitFileFuzzTests {
  private static let id = String(repeating: "1a", count: 20)
  private static let long = String(repeating: "2b", count: 32)
  private static let words = [
    id, long, "^\(id)\n", "refs/heads/", "refs/../", "ref: ", "\n", "\0", " ", "//", ".lock", "@{", "#", "\t",
    "# pack-refs with: peeled fully-peeled sorted \n", "9223372036854775807", "-1", "<a@b> 1700000000 +0000\tpush",
  ].map { Array($0.utf8) }

  @Test func packedRefs() {
    let samples = [
      "# pack-refs with: peeled fully-peeled sorted \n\(Self.id) refs/heads/a\n\(Self.id) refs/tags/v1\n^\(Self.id)\n",
      "\(Self.long) refs/tags/x\n\(Self.long) refs/heads/b\n", "",
    ].map { Array($0.utf8) }
    let failures = FuzzRun(.packedRefs).failures(of: samples, words: Self.words) { bytes in
      guard let refs = PackedRefs(bytes) else { return .refused }
      let names = refs.entries.map(\.name)
      guard zip(names, names.dropFirst()).allSatisfy({ $0 < $1 }) else { return .failed("the refs are not sorted") }
      guard names.allSatisfy({ refs[$0]?.name == $0 }) else { return .failed("a ref is not found") }
      guard refs.differences(from: refs).isEmpty, refs.differences(from: .empty) == names else {
        return .failed("the differences are wrong")
      }
      let encoded = refs.encode()
      guard let again = PackedRefs(encoded), again == refs, again.encode() == encoded else {
        return .failed("the refs do not survive encoding")
      }
      return .accepted
    }
    #expect(failures == [])
  }

  @Test func looseRef() {
    let samples = ["\(Self.id)\n", "\(Self.long)\n", "ref: refs/heads/main\n", "", "x"].map { Array($0.utf8) }
    let failures = FuzzRun(.looseRef).failures(of: samples, words: Self.words) { bytes in
      let value = RefValue(file: bytes)
      guard RefValue(file: value.file) == value else { return .failed("a ref does not survive encoding") }
      return if case .opaque = value { .refused } else { .accepted }
    }
    #expect(failures == [])
  }

  @Test func reflog() {
    let line = "\(Self.id) \(Self.id) A <a@b> 1700000000 +0000\tpush"
    let samples = ["\(line)\n", "\(line)\n\(line)2\n", "", "\(Self.id) x\n"].map { Array($0.utf8) }
    let failures = FuzzRun(.reflog).failures(of: samples, words: Self.words) { bytes in
      let other = Array("\(line) other\n".utf8)
      let merged = ReflogMerge.unite(other, bytes)
      func sorted(_ bytes: [UInt8]) -> [[UInt8]] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
          .sorted { $0.lexicographicallyPrecedes($1) }
      }
      let kept = Set(sorted(merged))
      guard sorted(bytes).allSatisfy(kept.contains), sorted(other).allSatisfy(kept.contains) else {
        return .failed("a line of a log is lost")
      }
      return .accepted
    }
    #expect(failures == [])
  }
}
