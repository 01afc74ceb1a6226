/// Reads the lines of a TOML file: table headers and assignments.
///
/// Invariants:
/// 1. `assigned` has the path of every assignment and of every table in braces. `parents` has every path above one of
///    those. No key is added to a path in `assigned`, and no value is assigned to a path in `parents`.
/// 2. `tables` has every path with a header: no header occurs twice.
struct TOMLParser {
  /// No setting has a path of more names.
  private static let mostNames = 8

  private(set) var entries: [TOMLEntry] = []
  private(set) var tables: [[String]: Int] = [:]
  private var scanner: TOMLScanner
  private var table: [String] = []
  private var assigned: Set<[String]> = []
  private var parents: Set<[String]> = []
  /// The tables that dotted keys have created: no header may open them again.
  private var dotted: Set<[String]> = []

  init(_ bytes: [UInt8]) {
    scanner = TOMLScanner(bytes)
  }

  /// Reads the whole text.
  mutating func run() throws(TOMLError) {
    while true {
      try scanner.skipBlankLines()
      guard let byte = scanner.next else { return }
      if byte == UInt8(ascii: "[") { try readHeader() } else { try readAssignment(in: table) }
      try scanner.endLine()
    }
  }

  private mutating func readHeader() throws(TOMLError) {
    let line = scanner.line
    scanner.skip(UInt8(ascii: "["))
    guard scanner.next != UInt8(ascii: "[") else { throw scanner.error("arrays of tables ([[…]]) are not supported") }
    let path = try readPath()
    guard scanner.skip(UInt8(ascii: "]")) else { throw scanner.error("a table's name ends with ]") }
    guard tables[path] == nil, !dotted.contains(path) else {
      throw TOMLError(line: line, message: "the table [\(Self.shown(path))] is there already")
    }
    try noteParents(of: path, line: line)
    guard !assigned.contains(path) else {
      throw TOMLError(line: line, message: "\(Self.shown(path)) has a value already")
    }
    tables[path] = line
    parents.insert(path)
    table = path
  }

  private mutating func readAssignment(in table: [String], depth: Int = 0) throws(TOMLError) {
    let line = scanner.line
    let names = try readPath()
    let path = table + names
    guard scanner.skip(UInt8(ascii: "=")) else { throw scanner.error("a key is followed by = and a value") }
    scanner.skipSpaces()
    guard !assigned.contains(path), !parents.contains(path) else {
      throw TOMLError(line: line, message: "\(Self.shown(path)) is set already")
    }
    for count in table.count + 1..<max(table.count + 1, path.count) {
      let parent = Array(path[..<count])
      guard tables[parent] == nil else {
        throw TOMLError(line: line, message: "[\(Self.shown(parent))] has a header of its own; set the key there")
      }
      dotted.insert(parent)
    }
    try noteParents(of: path, line: line)
    assigned.insert(path)
    if scanner.next == UInt8(ascii: "{") { return try readInlineTable(path, depth: depth + 1) }
    entries.append(TOMLEntry(path: path, value: try scanner.readValue(), line: line))
  }

  /// Reads `{ key = value, … }`. Its keys are added to `path`, which is closed afterwards.
  private mutating func readInlineTable(_ path: [String], depth: Int) throws(TOMLError) {
    guard depth <= Self.mostNames else { throw scanner.error("tables are nested too deeply") }
    scanner.skip(UInt8(ascii: "{"))
    scanner.skipSpaces()
    // The table accepts keys while its own keys are read.
    assigned.remove(path)
    defer { assigned.insert(path) }
    if scanner.skip(UInt8(ascii: "}")) { return }
    while true {
      scanner.skipSpaces()
      try readAssignment(in: path, depth: depth)
      scanner.skipSpaces()
      if scanner.skip(UInt8(ascii: "}")) { return }
      guard scanner.skip(UInt8(ascii: ",")) else { throw scanner.error("a table in braces has commas and ends with }") }
    }
  }

  /// Reads one or more names with dots between them, and the space around them.
  private mutating func readPath() throws(TOMLError) -> [String] {
    var path: [String] = []
    repeat {
      scanner.skipSpaces()
      path.append(try scanner.readKey())
      scanner.skipSpaces()
      guard path.count + table.count <= 2 * Self.mostNames else { throw scanner.error("a key has too many names") }
    } while scanner.skip(UInt8(ascii: "."))
    return path
  }

  private mutating func noteParents(of path: [String], line: Int) throws(TOMLError) {
    for count in 1..<max(1, path.count) {
      let parent = Array(path[..<count])
      guard !assigned.contains(parent) else {
        throw TOMLError(line: line, message: "\(Self.shown(parent)) has a value already")
      }
      parents.insert(parent)
    }
  }

  private static func shown(_ path: [String]) -> String { path.joined(separator: ".") }
}
