import Testing

@testable import ResticCore

/// Names are stored as restic stores them and read back as the same bytes.
@Suite struct NameEncodingTests {
  /// Characters that Unicode 13 (restic 0.14's Go) doesn't know and this Swift does: restic escapes them, newer ones
  /// don't.
  private static let assignedLater = ["f09fab9f", "f09faba0", "f09faba8"]

  private func json(_ name: [UInt8]) -> String {
    var writer = GoJSON.Writer()
    name.withUnsafeBytes { writer.quotedString($0) }
    return String(decoding: writer.finish(), as: UTF8.self)
  }

  private func tree(nameJSON: String) -> [UInt8] {
    Array(
      (#"{"nodes":[{"name":"# + nameJSON
        + #","type":"file","mtime":"2020-01-01T00:00:00Z","atime":"2020-01-01T00:00:00Z","#
        + #""ctime":"2020-01-01T00:00:00Z","uid":0,"gid":0,"content":[]}]}"# + "\n").utf8)
  }

  @Test("restic's real names, odd names and every single byte are written as restic writes them")
  func real() throws {
    #expect(RealNames.all.count > 290)
    var later = 0
    for name in RealNames.all {
      let blob = tree(nameJSON: name.json)
      let decoded = try Tree.decode(blob)
      #expect(decoded.nodes.first?.name.bytes == name.bytes)
      #expect(decoded.encode() == blob, "\(name.json)")
      let hex = name.bytes.map { String($0, radix: 16) }.joined()
      if Self.assignedLater.contains(where: hex.hasPrefix) {
        later += 1
      } else {
        #expect(json(name.bytes) == name.json)
      }
    }
    #expect(later == 3)
  }

  @Test("a name that was escaped by another Unicode version keeps its spelling until the node changes")
  func spelling() throws {
    let blob = tree(nameJSON: #""\\U0001fae0""#)
    var decoded = try Tree.decode(blob)
    #expect(decoded.nodes[0].name == "🫠")
    #expect(decoded.encode() == blob)
    #expect(decoded == (try Tree.decode(tree(nameJSON: "\"🫠\""))))
    decoded.nodes[0].links = 0
    #expect(decoded.encode() == tree(nameJSON: "\"🫠\""))
  }

  @Test("any two bytes survive")
  func pairs() {
    for first in UInt8.min...UInt8.max {
      for second in stride(from: UInt8(0), through: 255, by: 3) {
        let name = [first, second]
        let quoted = name.withUnsafeBytes { GoQuote.quote($0) }
        #expect(quoted.withUnsafeBytes { GoQuote.unquote($0) } == name)
        #expect(quoted.withUnsafeBytes { GoJSON.isValidUTF8($0) })
      }
    }
  }

  @Test("all scalar values survive")
  func scalars() {
    for value in stride(from: UInt32(0), through: 0x10ffff, by: 5) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let name = Array(String(Character(scalar)).utf8)
      let quoted = name.withUnsafeBytes { GoQuote.quote($0) }
      #expect(quoted.withUnsafeBytes { GoQuote.unquote($0) } == name)
    }
  }

  @Test(
    "every escape of Go is read",
    arguments: [
      (#"\a\b\f\n\r\t\v\\\""#, [7, 8, 12, 10, 13, 9, 11, 0x5c, 0x22]),
      (#"\x00\xfF\101\377"#, [0, 255, 65, 255]),
      (#"\u00e9\U0001F600"#, [0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80]),
      ("'é", [0x27, 0xc3, 0xa9]),
      ("\t", [9]),
    ] as [(String, [UInt8])])
  func unquoting(text: String, expected: [UInt8]) {
    #expect(Array(text.utf8).withUnsafeBytes { GoQuote.unquote($0) } == expected)
  }

  @Test(
    "every name that Go's Unquote refuses is refused",
    arguments: [
      "\"", "a\"b", "\n", #"\"#, #"\'"#, #"\q"#, #"\x"#, #"\x1"#, #"\xg1"#, #"\1"#, #"\12"#, #"\400"#, #"\18"#,
      #"\u123"#,
      #"\ud800"#, #"\U00110000"#, #"\Uffffffff"#, #"\U0001F60"#, #"\8"#,
    ])
  func refused(text: String) {
    #expect(Array(text.utf8).withUnsafeBytes { GoQuote.unquote($0) } == nil)
  }
}
