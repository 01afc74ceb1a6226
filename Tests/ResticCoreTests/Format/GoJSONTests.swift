import Testing

@testable import ResticCore

@Suite struct GoJSONTests {
  private func written(_ body: (inout GoJSON.Writer) -> Void) -> String {
    var writer = GoJSON.Writer()
    body(&writer)
    return String(decoding: writer.finish(), as: UTF8.self)
  }

  @Test("strings are escaped as Go escapes them for HTML")
  func escapes() {
    #expect(written { $0.string("a<b>&c/d'\"\\") } == #""a\u003cb\u003e\u0026c/d'\"\\""#)
    #expect(written { $0.string("\u{8}\t\n\u{c}\r\u{0}\u{1f}\u{7f}") } == #""\b\t\n\f\r\u0000\u001f"# + "\u{7f}\"")
    #expect(
      written { $0.string("é😀\u{2027}\u{2028}\u{2029}\u{fffd}") } == "\"é😀\u{2027}" + #"\u2028\u2029"# + "\u{fffd}\"")
    #expect(written { $0.string("") } == "\"\"")
  }

  @Test(
    "each byte that isn't UTF-8 becomes one U+FFFD",
    arguments: [
      ([0xff], 1), ([0xc3], 1), ([0xed, 0xa0, 0x80], 3), ([0xc0, 0x80], 2), ([0xf4, 0x90, 0x80, 0x80], 4),
      ([0xe2, 0x80], 2), ([0xf0, 0x9f, 0x98], 3), ([0x80], 1), ([0xe0, 0x9f, 0xbf], 3), ([0xf0, 0x8f, 0xbf, 0xbf], 4),
    ] as [([UInt8], Int)])
  func invalidUTF8(bytes: [UInt8], count: Int) throws {
    let expected = String(repeating: #"\ufffd"#, count: count)
    #expect(written { $0.string(bytes) } == "\"\(expected)\"")
    #expect(written { $0.string([0x41] + bytes + [0x42]) } == "\"A\(expected)B\"")
    // Reading such bytes gives the same text.
    let read = try GoJSON.read([0x22] + bytes + [0x22], "test") { reader throws(FormatError) in try reader.string() }
    #expect(read == String(repeating: "\u{fffd}", count: count))
  }

  @Test("every scalar value survives as text and as a string of bytes")
  func scalars() throws {
    for value in stride(from: 0, through: 0x10ffff, by: 7) {
      guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
      let text = String(Character(scalar))
      var writer = GoJSON.Writer()
      writer.string(text)
      let read = try GoJSON.read(writer.finish(), "test") { reader throws(FormatError) in try reader.string() }
      #expect(Array(read.utf8) == Array(text.utf8))
    }
  }

  @Test("integers are exact over 64 bits")
  func numbers() throws {
    #expect(written { $0.number(UInt64.max) } == "18446744073709551615")
    #expect(written { $0.number(Int64.min) } == "-9223372036854775808")
    #expect(written { $0.number(UInt8(0)) } == "0")
    for text in ["0", "9", "10", "99", "18446744073709551615", "10000000000000000000"] {
      let value = try GoJSON.read(Array(text.utf8), "test") { reader throws(FormatError) in
        try reader.number(UInt64.self)
      }
      #expect("\(value)" == text)
    }
    let lowest = try GoJSON.read(Array("-9223372036854775808".utf8), "test") { reader throws(FormatError) in
      try reader.number(Int64.self)
    }
    #expect(lowest == .min)
  }

  @Test(
    "a number that is not an integer, or does not fit, is refused",
    arguments: [
      "", "-", "+1", "01", "00", "-01", "1.0", "1e3", "1E3", "1.", "0x1", "18446744073709551616",
      "99999999999999999999999",
      "-1", "\"1\"", "null", "1 2",
    ])
  func wrongNumbers(text: String) {
    #expect(throws: FormatError.self) {
      try GoJSON.read(Array(text.utf8), "test") { reader throws(FormatError) in try reader.number(UInt64.self) }
    }
  }

  @Test("32-bit fields refuse what needs 33 bits")
  func narrowNumbers() throws {
    let highest = try GoJSON.read(Array("4294967295".utf8), "test") { reader throws(FormatError) in
      try reader.number(UInt32.self)
    }
    #expect(highest == .max)
    #expect(throws: FormatError.self) {
      try GoJSON.read(Array("4294967296".utf8), "test") { reader throws(FormatError) in try reader.number(UInt32.self) }
    }
    #expect(throws: FormatError.self) {
      try GoJSON.read(Array("-9223372036854775809".utf8), "test") { reader throws(FormatError) in
        try reader.number(Int64.self)
      }
    }
  }

  /// The published vectors of RFC 4648.
  @Test(
    "base64 follows RFC 4648",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
      ("foobar", "Zm9vYmFy"),
    ])
  func base64(plain: String, encoded: String) throws {
    #expect(written { $0.base64(Array(plain.utf8)) } == "\"\(encoded)\"")
    #expect(try readBase64(encoded) == Array(plain.utf8))
  }

  @Test("base64 accepts its digits and nothing else")
  func base64Digits() throws {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    let decoded = try readBase64(alphabet)
    #expect(written { $0.base64(decoded) } == "\"\(alphabet)\"")
    let all = (0...255).map { UInt8($0) }
    let text = written { $0.base64(all) }
    #expect(try readBase64(String(text.dropFirst().dropLast())) == all)
    for byte in UInt8(0x20)...0xff where !alphabet.utf8.contains(byte) {
      #expect(throws: FormatError.self) {
        try GoJSON.read([0x22, 0x41, byte, 0x41, 0x41, 0x22], "test") { reader throws(FormatError) in
          try reader.base64()
        }
      }
    }
  }

  @Test(
    "malformed base64 is refused",
    arguments: ["A", "AA", "AAA", "A===", "====", "AA=A", "AA==AAAA", "AAAAA", "AA=", "=AAA"])
  func wrongBase64(text: String) {
    #expect(throws: FormatError.self) { try readBase64(text) }
  }

  private func readBase64(_ text: String) throws -> [UInt8] {
    try GoJSON.read(Array("\"\(text)\"".utf8), "test") { reader throws(FormatError) in try reader.base64() }
  }

  @Test(
    "escapes have Go's meaning, lone surrogates included",
    arguments: [
      (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
      (#"\u0041\u00E9\u00e9\u2028"#, "Aéé\u{2028}"),
      (#"\ud83d\ude00"#, "😀"),
      (#"\ud83d"#, "\u{fffd}"),
      (#"\ude00"#, "\u{fffd}"),
      (#"\ud83dx\ude00"#, "\u{fffd}x\u{fffd}"),
      (#"\ud83d\ud83d\ude00"#, "\u{fffd}😀"),
      (#"\ud83d\u0041"#, "\u{fffd}A"),
      (#"\u0000"#, "\u{0}"),
    ])
  func unescaping(text: String, expected: String) throws {
    let read = try GoJSON.read(Array("\"\(text)\"".utf8), "test") { reader throws(FormatError) in try reader.string() }
    #expect(Array(read.utf8) == Array(expected.utf8))
  }

  @Test(
    "invalid JSON is refused wherever it is",
    arguments: [
      "", " ", "{", "}", "[", "]", "{]", "[}", "[,]", "[1,]", "[1 2]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
      "{a:1}",
      "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{1:2}", "nul", "nulll", "tru", "True", "NaN", "-", "01", "1.", ".5", "1e",
      "1e+", "-x",
      "\"", "\"\\", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u123g\"", "\"\n\"", "\"\u{1f}\"", "'a'", "1 1", "{} x",
      "\u{0}", "//",
      "\u{feff}1",
    ])
  func malformed(text: String) {
    #expect(throws: FormatError.self) {
      try GoJSON.read(Array(text.utf8), "test") { reader throws(FormatError) in try reader.skipValue() }
    }
  }

  @Test(
    "any JSON value can be kept raw",
    arguments: [
      "null", "true", "false", "0", "-0", "1.5", "-1.5e+30", "1E-2", "123456789012345678901234567890", "\"\"",
      "\"a\\u0000\\\"é\"",
      "[]", "[ ]", "[1,[2,{\"a\":[]}]]", "{}", "{\"a\":{\"b\":null},\"a\":1}",
    ])
  func raw(text: String) throws {
    let raw = try GoJSON.read(Array(" \t\r\n\(text)\n ".utf8), "test") { reader throws(FormatError) in
      Array(try reader.rawValue())
    }
    #expect(String(decoding: raw, as: UTF8.self) == text)
  }

  @Test("a key may be escaped, and must have the right case")
  func keys() throws {
    let config = try Config.decode(
      Array(#"{"v\u0065rsion":2,"id":"a","Id":"b","chunker\u005Fpolynomial":"3DA3358B4DC173"}"#.utf8))
    #expect(config == Config(version: 2, id: "a", chunkerPolynomial: 0x3da3358b4dc173))
  }

  @Test("fast and slow decoding of hex agree, and only lower-case digits are accepted")
  func hexWords() {
    for word in [0, 1, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, UInt64.max, 0x8000_0000_0000_0000] {
      let text = String(word, radix: 16)
      let padded = Array((String(repeating: "0", count: 16 - text.count) + text).utf8)
      #expect(padded.withUnsafeBytes { $0.baseAddress.flatMap(HexWord.read) } == word)
      let written = [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
        if let start = buffer.baseAddress { HexWord.write(word, to: start) }
        count = 16
      }
      #expect(written == padded)
    }
    for position in 0..<16 {
      for byte in UInt8.min...UInt8.max {
        var digits = Array("0123456789abcdef".utf8)
        digits[position] = byte
        let isDigit = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
        #expect((digits.withUnsafeBytes { $0.baseAddress.flatMap(HexWord.read) } != nil) == isDigit)
      }
    }
  }
}
