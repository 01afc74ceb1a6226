import Testing

@testable import ResticCore

@Suite struct LockFileTests {
  @Test("a real lock is read and encoded to the same bytes")
  func real() throws {
    let lock = try LockFile.decode(RealFiles.lock)
    #expect(!lock.exclusive && lock.hostname == "vm" && lock.username == "nobody" && lock.pid == 23559)
    #expect(lock.uid == 65534 && lock.gid == 65534 && lock.time.offsetMinutes == 330)
    #expect(lock.encode() == RealFiles.lock)
  }

  @Test("additional fields survive, after restic's")
  func unknownFields() throws {
    let field = UnknownField(key: "commit", rawValue: Array("true".utf8))
    let lock = LockFile(
      time: Timestamp(seconds: 0, nanoseconds: 0), exclusive: true, hostname: "h", username: "u", pid: -1,
      unknownFields: [field])
    let text = #"{"time":"1970-01-01T00:00:00Z","exclusive":true,"hostname":"h","username":"u","pid":-1,"commit":true}"#
    #expect(lock.encode() == Array(text.utf8))
    #expect(try LockFile.decode(Array(text.utf8)) == lock)
  }

  @Test(
    "a lock without a time, or with a wrong member, is refused",
    arguments: [
      "{}", #"{"time":null}"#, #"{"time":"2024-01-01T00:00:00Z","pid":2147483648}"#,
      #"{"time":"2024-01-01T00:00:00Z","exclusive":1}"#, #"{"time":"2024-01-01T00:00:00Z","uid":-1}"#,
    ])
  func refused(text: String) {
    #expect(throws: FormatError.self) { try LockFile.decode(Array(text.utf8)) }
  }
}
