import Testing

@testable import ResticGitFS

@Suite("Splitting a password command")
struct CommandLineSplitterTests {
  @Test(
    "gives restic's words",
    arguments: [
      ("pass show vault", ["pass", "show", "vault"]),
      ("  pass\tshow  ", ["pass", "show"]),
      (#"sh -c "echo 'a b'""#, ["sh", "-c", "echo 'a b'"]),
      (#"printf 'a "b" c'"#, ["printf", #"a "b" c"#]),
      // Quotes separate words, they don't join them; an empty one is no word.
      (#"a"b c"d"#, ["a", "b c", "d"]),
      (#"a "" b"#, ["a", "b"]),
      // A backslash outside quotes separates; a quote after one is an ordinary character.
      (#"a\b"#, ["a", "b"]),
      (#"a\"b"#, ["a", #""b"#]),
      (#""a\"b""#, [#"a\"b"#]),
      ("é\u{00A0}ü", ["é", "ü"]),
    ])
  func words(command: String, words: [String]) throws {
    #expect(try CommandLineSplitter.words(of: command) == words)
  }

  @Test("refuses an empty command and unclosed quotes", arguments: ["", "  ", #""""#, #"a "b"#, "a 'b", #""a\""#])
  func refused(command: String) {
    #expect(throws: CommandError.self) { try CommandLineSplitter.words(of: command) }
  }
}
