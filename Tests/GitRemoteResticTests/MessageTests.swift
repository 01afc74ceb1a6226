import Foundation
import MessageText
import ResticTestSupport
import Testing

@testable import GitRemoteRestic

@Suite("Messages that contain names which other people have chosen")
struct MessageTests {
  private static func advice(_ place: String, remote: String = "origin") throws -> String {
    let command = try #require(try CommandLineWords.parse([remote, "/srv/vault"]))
    var state = try #require(MountState(parsing: Array(#"{"state": "clean"}"#.utf8)))
    state.repositories = [place]
    return MountOpening.advice(state, for: command)
  }

  /// G6 A command in a message can be pasted into a shell, whatever a snapshot's folders are called.
  @Test(
    "the advised command quotes the folder's name as one word",
    arguments: ["srv/p.git", "x;touch pwned", "a b", "it's", "$(touch pwned)", "`touch pwned`", "-f", "~root", "*"])
  func command(_ place: String) async throws {
    let advice = try Self.advice(place)
    let commands = try #require(advice.components(separatedBy: ": `").last).dropLast()
    let words = commands.replacing("`, or for a clone `", with: " ")
    let said = try await ProcessRunner().check("/bin/sh", ["-c", "git() { printf '%s|' \"$@\"; }\n\(words)"])
    let folder = (place.hasPrefix("-") || place.hasPrefix("~") ? "./" : "") + place
    #expect(
      said.output == "config|remote.origin.resticSubfolder|\(folder)|-c|remote.origin.resticSubfolder=\(folder)|")
  }

  /// G6 A terminal obeys nothing that a message quotes.
  @Test("controls and invisible characters are replaced, in messages and in the reasons of a report")
  func controls() throws {
    let planted = "a\u{1B}]0;x\u{7}b\u{7F}\u{9B}2Jc\r\n\u{202E}d\u{200B}\u{2028}"
    let plain = StandardError.text(of: planted)
    #expect(plain == "git-remote-restic: a?]0;x?b??2Jc???d??\n")
    let packets = ["unpack ok\n", "ok refs/heads/main\n"].flatMap { Packet(Array($0.utf8)).encoded }
    var report = try #require(PushReport(parsing: packets + Packet.flush.encoded))
    report.refuse(planted)
    let refused = try #require(report.lines.last.map { String(decoding: $0, as: UTF8.self) })
    #expect(refused.hasPrefix("ng refs/heads/main a?]0;x") && refused.hasSuffix("\n"))
    #expect(refused.dropLast().printable == refused.dropLast())
  }

  /// G6 The same in text that comes in pieces, which keeps its lines.
  @Test("text in pieces gives the same result, wherever it is cut")
  func pieces() {
    let planted = Array("a\u{1B}[2Jb\r\n\tgr\u{FC}n 日本 🗄\u{9B}31m\u{202E}".utf8) + [0xFF, 0x9B, 0xE2, 0x80, 0x41]
    let shown = "a?[2Jb\r\n\tgr\u{FC}n 日本 🗄?31m?\u{FFFD}\u{FFFD}\u{FFFD}A"
    for size in 1...planted.count {
      var (text, result) = (PrintableText(), [UInt8]())
      for start in stride(from: 0, to: planted.count, by: size) {
        result += text.next(planted[start..<min(start + size, planted.count)])
      }
      #expect(String(decoding: result, as: UTF8.self) == shown, "in pieces of \(size)")
    }
  }

  @Test("other text stays unchanged")
  func plain() {
    for text in ["", "saved as snapshot 1a2b", "gr\u{FC}n 日本 🗄", "a`b'c"] { #expect(text.printable == text) }
  }
}
