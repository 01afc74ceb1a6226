import Testing

@testable import ResticCore

@Suite("The mark in a lock of this program")
struct LockMarkTests {
  @Test("marks survive writing and reading, with unknown members")
  func marks() throws {
    let scope = LockMark.ProcessScope(boot: "b\"1", pidNamespace: .max)
    for mark in [
      LockMark(scope: nil), LockMark(scope: scope), LockMark(scope: nil, commitHolder: "x"),
      LockMark(scope: scope, commitHolder: "y"),
    ] {
      var file = LockFile(
        time: Timestamp(seconds: 1, nanoseconds: 0), exclusive: false, hostname: "", username: "", pid: 1)
      #expect(LockMark(of: file, stored: SHA256.id(of: [])) == nil)
      file.unknownFields = [mark.field]
      #expect(LockMark(of: try LockFile.decode(file.encode()), stored: SHA256.id(of: [])) == mark)
    }
    let more = UnknownField(key: LockMark.key, rawValue: Array("{\"new\":[1],\"commit\":\"z\"}".utf8))
    let file = LockFile(
      time: Timestamp(seconds: 1, nanoseconds: 0), exclusive: false, hostname: "", username: "", pid: 1,
      unknownFields: [more])
    #expect(LockMark(of: file, stored: SHA256.id(of: [])) == LockMark(scope: nil, commitHolder: "z"))
  }
}
