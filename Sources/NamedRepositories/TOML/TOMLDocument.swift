/// A TOML file as a list of assignments, in the order of the file.
///
/// The parser accepts a strict subset of TOML 1.0:
/// - tables (`[a.b]`), and tables in braces on one line (`{ key = "value" }`),
/// - bare, quoted and dotted keys,
/// - basic and literal strings on one line,
/// - decimal integers, booleans, and arrays of strings, which may span lines,
/// - comments.
///
/// All other TOML is an error that names its line: multi-line strings, floats, dates, other arrays and arrays of
/// tables. A file that the parser accepts has the same meaning to every TOML parser.
/// Source: toml.io, "TOML v1.0.0".
public struct TOMLDocument: Hashable, Sendable {
  /// The assignments, in the order of the file.
  public let entries: [TOMLEntry]
  /// The line of each table's header.
  public let tables: [[String]: Int]

  /// Parses `bytes`, which must be UTF-8.
  public init(parsing bytes: [UInt8]) throws(TOMLError) {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw TOMLError(line: Self.firstInvalidLine(bytes), message: "the text is not UTF-8")
    }
    guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
      throw TOMLError(line: 1, message: "the text begins with a byte order mark: save it as UTF-8 without one")
    }
    var parser = TOMLParser(bytes)
    try parser.run()
    entries = parser.entries
    tables = parser.tables
  }

  /// The first line that is not UTF-8. A newline byte is never part of a longer character.
  private static func firstInvalidLine(_ bytes: [UInt8]) -> Int {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0) + 1
  }
}
