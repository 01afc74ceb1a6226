import Testing

@testable import NamedRepositories

@Suite("A configuration file's TOML")
struct TOMLDocumentTests {
  private func entries(_ text: String) throws -> [TOMLEntry] {
    try TOMLDocument(parsing: Array(text.utf8)).entries
  }

  private func value(_ text: String) throws -> TOMLValue? {
    try entries("key = \(text)").first?.value
  }

  @Test("has tables, dotted and quoted keys, comments, and the line of each key")
  func structure() throws {
    let text = """
      # a comment
      top = 1
      [repositories.vault] # another
      repository = "/srv/vault"
      "quoted key" = 'x'
        options."s3.region" = "eu"

      [repositories."a.b"]\r
      table = { one = "1", 'two' = [ "2" ] }
      """
    #expect(
      try entries(text) == [
        TOMLEntry(path: ["top"], value: .integer(1), line: 2),
        TOMLEntry(path: ["repositories", "vault", "repository"], value: .string("/srv/vault"), line: 4),
        TOMLEntry(path: ["repositories", "vault", "quoted key"], value: .string("x"), line: 5),
        TOMLEntry(path: ["repositories", "vault", "options", "s3.region"], value: .string("eu"), line: 6),
        TOMLEntry(path: ["repositories", "a.b", "table", "one"], value: .string("1"), line: 9),
        TOMLEntry(path: ["repositories", "a.b", "table", "two"], value: .strings(["2"]), line: 9),
      ])
    #expect(
      try TOMLDocument(parsing: Array(text.utf8)).tables == [
        ["repositories", "vault"]: 3, ["repositories", "a.b"]: 8,
      ])
    #expect(try entries("").isEmpty && entries("\n \t\n#").isEmpty)
  }

  @Test(
    "has strings, numbers, booleans and lists of strings",
    arguments: [
      (#""a\tb\n\"\\\u00e9\U0001F600""#, TOMLValue.string("a\tb\n\"\\é😀")), (#"'C:\x'"#, .string(#"C:\x"#)),
      (#""""#, .string("")), ("''", .string("")), ("0", .integer(0)), ("-17", .integer(-17)),
      ("+1_000", .integer(1000)),
      ("true", .boolean(true)), ("false", .boolean(false)), ("[]", .strings([])),
      (#"["a", 'b',]"#, .strings(["a", "b"])),
      ("[ # one\n  \"a\", # two\n\n  \"b\"\n]", .strings(["a", "b"])),
    ])
  func values(text: String, expected: TOMLValue) throws {
    #expect(try value(text) == expected)
  }

  @Test(
    "refuses unknown and meaningless text, and names the line",
    arguments: [
      ("a = 1\nb", 2), ("a = 1\n\na = 2", 3), ("[a]\n[a]", 2), ("a = 1\n[a]", 2), ("[a.b]\n[a]\nb = 1", 3),
      ("a.b = 1\n[a]", 2), ("a = {b = 1}\n[a]", 2), ("a = {b = 1}\n[a.c]", 2), ("a = {b = 1}\na.c = 1", 2),
      ("[a.b]\nx = 1\n[a]\nb.y = 1", 4),
      ("\n[[a]]", 2), ("a = \"\"\"x\"\"\"", 1), ("a = '''x'''", 1), ("a = 1.5", 1), ("a = 1979-05-27", 1),
      ("a = 01", 1),
      ("a = 1__0", 1), ("a = 0x10", 1), ("a = nan", 1), ("a = [1]", 1), ("a = [\"x\"", 1), ("a = \"x", 1),
      ("a = \"x\ny\"", 1), ("a = 99999999999999999999", 1), ("a = \"\\q\"", 1), ("a = \"\\ud800\"", 1),
      ("a = \"\\u12\"", 1),
      ("a = \"\u{1}\"", 1), ("a = 1 b = 2", 1), ("a = 1\rb = 2", 1), ("# \u{7f}", 1), ("a = { b = 1", 1),
      ("a = { b = 1, }", 1), ("a = { b = 1\n}", 1), ("= 1", 1), ("a. = 1", 1), ("[a", 1), ("[]", 1), ("a = ", 1),
      ("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q = 1", 1),
    ])
  func refused(text: String, line: Int) {
    let error = #expect(throws: TOMLError.self) { try TOMLDocument(parsing: Array(text.utf8)) }
    #expect(error?.line == line, "\(text): \(error.map(\.description) ?? "")")
  }

  @Test("refuses bytes that are not UTF-8, on their line")
  func encoding() {
    let error = #expect(throws: TOMLError.self) { try TOMLDocument(parsing: Array("a = 1\nb = \"".utf8) + [0xff]) }
    #expect(error?.line == 2)
  }

  @Test("refuses endlessly nested tables")
  func depth() {
    let text = "a = " + String(repeating: "{a = ", count: 10000)
    #expect(throws: TOMLError.self) { try TOMLDocument(parsing: Array(text.utf8)) }
  }
}
