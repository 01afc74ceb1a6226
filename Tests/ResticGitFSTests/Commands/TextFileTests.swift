import Testing

@testable import ResticGitFS

@Suite("Text files that people write")
struct TextFileTests {
  private func text(_ bytes: [UInt8]) -> String {
    String(decoding: TextFile.trimmed(TextFile.decoded(bytes)), as: UTF8.self)
  }

  private func utf16(_ text: String, bigEndian: Bool) -> [UInt8] {
    ("\u{FEFF}" + text).utf16.flatMap { unit -> [UInt8] in
      let bytes = [UInt8(unit >> 8), UInt8(unit & 0xFF)]
      return bigEndian ? bytes : bytes.reversed()
    }
  }

  @Test("lose their byte order mark, and UTF-16 becomes UTF-8", arguments: ["geheim", "gehéim", "🔑 key", ""])
  func encodings(secret: String) {
    #expect(text(Array(secret.utf8)) == secret)
    #expect(text([0xEF, 0xBB, 0xBF] + secret.utf8) == secret)
    #expect(text(utf16(secret, bigEndian: true)) == secret)
    #expect(text(utf16(secret, bigEndian: false)) == secret)
  }

  @Test("lose white space at both ends and keep it inside")
  func whiteSpace() {
    #expect(text(Array("  a b\t\r\n".utf8)) == "a b")
    #expect(text(Array("\u{00A0}\u{2003}a\u{3000}b\u{0085}\u{2028}".utf8)) == "a\u{3000}b")
    #expect(text(Array(" \n\t ".utf8)) == "")
    // Not white space to Go.
    #expect(text(Array("\u{200B}a\u{FEFF}".utf8)) == "\u{200B}a\u{FEFF}")
  }

  @Test("keep bytes that are not UTF-8 unchanged")
  func otherBytes() {
    #expect(Array(TextFile.trimmed(TextFile.decoded([0x20, 0xFF, 0x80, 0x0A]))) == [0xFF, 0x80])
    #expect(Array(TextFile.trimmed([0x85, 0xA0])) == [0x85, 0xA0])
  }

  @Test("replace half a surrogate pair and half a unit, and never trap")
  func brokenUTF16() {
    #expect(text([0xFE, 0xFF, 0xD8, 0x00, 0x00, 0x61]) == "\u{FFFD}a")
    #expect(text([0xFF, 0xFE, 0x61, 0x00, 0x62]) == "a\u{FFFD}")
    let whole = utf16("🔑 ключ", bigEndian: false)
    for length in whole.indices { _ = text(Array(whole[..<length])) }
  }
}
