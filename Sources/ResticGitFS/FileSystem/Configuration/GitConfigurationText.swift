/// The content of a git configuration file: its variables, in order.
///
/// Reads as git does, but refuses NUL, which no file of git's contains. Nothing is included, whatever the file says.
/// Source: config.c of git 2.39 (`git_parse_source`); compared with git by `GitConfigurationTextTests`.
struct GitConfigurationText: Hashable, Sendable {
  /// A variable.
  struct Entry: Hashable, Sendable {
    /// In lower case.
    var section: String
    /// As written; nil if there is none.
    var subsection: String?
    /// In lower case.
    var key: String
    /// Nil for a key without `=`.
    var value: String?
  }

  /// Why a text cannot be read.
  enum Failure: Error, Hashable, Sendable {
    /// In this line, counted from 1.
    case syntax(line: Int)
    /// It is not UTF-8, or holds a NUL.
    case encoding
  }

  /// The variables.
  private(set) var entries: [Entry] = []

  /// Reads `bytes`.
  init(_ bytes: [UInt8]) throws(Failure) {
    guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else { throw .encoding }
    var reader = Reader(bytes)
    var section: (name: String, subsection: String?) = ("", nil)
    while let byte = reader.next() {
      switch byte {
      case UInt8(ascii: "#"), UInt8(ascii: ";"): reader.skipLine()
      case UInt8(ascii: "["): section = try reader.section()
      case _ where byte.isGitSpace: break
      case _ where byte.isLetter:
        let (key, value) = try reader.variable(beginning: byte)
        entries.append(Entry(section: section.name, subsection: section.subsection, key: key, value: value))
      default: throw reader.failure
      }
    }
  }
}

extension GitConfigurationText {
  /// Reads bytes of a text; a CR before a newline is skipped, and the text ends with a newline.
  private struct Reader {
    private let bytes: [UInt8]
    private var position: Int
    private var line = 1
    /// The byte read last.
    private var last: UInt8 = 0

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
      // A byte order mark.
      position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// A syntax error at this position.
    var failure: Failure { .syntax(line: last == .newline ? line - 1 : line) }

    /// The next byte; nil at the end.
    mutating func next() -> UInt8? {
      guard position < bytes.count else { return nil }
      var byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\r"), position < bytes.count, bytes[position] == .newline {
        byte = .newline
        position += 1
      }
      if byte == .newline { line += 1 }
      last = byte
      return byte
    }

    mutating func skipLine() {
      while let byte = next(), byte != .newline {}
    }

    /// After `[`: up to `]`.
    mutating func section() throws(Failure) -> (name: String, subsection: String?) {
      var name: [UInt8] = []
      while let byte = next() {
        if byte == UInt8(ascii: "]") { return Self.split(name) }
        if byte.isGitSpace { return (Self.text(name), try subsection(after: byte)) }
        guard byte.isKeyByte || byte == UInt8(ascii: ".") else { throw failure }
        name.append(byte.lowercased)
      }
      throw failure
    }

    /// The old form: `[section.subsection]`, all in lower case.
    private static func split(_ name: [UInt8]) -> (String, String?) {
      guard let dot = name.firstIndex(of: UInt8(ascii: ".")) else { return (text(name), nil) }
      return (text(name[..<dot]), text(name[(dot + 1)...]))
    }

    private mutating func subsection(after space: UInt8) throws(Failure) -> String {
      var byte: UInt8? = space
      while let space = byte, space.isGitSpace {
        guard space != .newline else { throw failure }
        byte = next()
      }
      guard byte == .quote else { throw failure }
      var subsection: [UInt8] = []
      while let byte = next(), byte != .newline {
        if byte == .quote {
          guard next() == UInt8(ascii: "]") else { throw failure }
          return Self.text(subsection)
        }
        guard byte == .backslash else {
          subsection.append(byte)
          continue
        }
        guard let escaped = next(), escaped != .newline else { throw failure }
        subsection.append(escaped)
      }
      throw failure
    }

    /// A variable that begins with `first`, up to the end of its value.
    mutating func variable(beginning first: UInt8) throws(Failure) -> (key: String, value: String?) {
      var key = [first.lowercased]
      var byte = next()
      while let keyByte = byte, keyByte.isKeyByte {
        key.append(keyByte.lowercased)
        byte = next()
      }
      while byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { byte = next() }
      switch byte {
      case nil, UInt8.newline: return (Self.text(key), nil)
      case UInt8(ascii: "="): return (Self.text(key), Self.text(try value()))
      default: throw failure
      }
    }

    private mutating func value() throws(Failure) -> [UInt8] {
      var value: [UInt8] = []
      var isQuoted = false
      var spaceCount = 0
      while let byte = next() {
        if byte == .newline {
          if isQuoted { throw failure }
          return value
        }
        if byte.isGitSpace, !isQuoted {
          if !value.isEmpty { spaceCount += 1 }
          continue
        }
        if !isQuoted, byte == UInt8(ascii: ";") || byte == UInt8(ascii: "#") {
          skipLine()
          return value
        }
        value += repeatElement(UInt8(ascii: " "), count: spaceCount)
        spaceCount = 0
        switch byte {
        case .quote: isQuoted.toggle()
        case .backslash: if let escaped = try escaped() { value.append(escaped) }
        default: value.append(byte)
        }
      }
      if isQuoted { throw failure }
      return value
    }

    /// The character of an escape in a value; nil if the line continues.
    private mutating func escaped() throws(Failure) -> UInt8? {
      switch next() {
      case nil, UInt8.newline: nil
      case UInt8(ascii: "t"): UInt8(ascii: "\t")
      case UInt8(ascii: "b"): 0x08
      case UInt8(ascii: "n"): .newline
      case UInt8.backslash: .backslash
      case UInt8.quote: .quote
      default: throw failure
      }
    }

    private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
  }
}

extension UInt8 {
  fileprivate static let newline = UInt8(ascii: "\n")
  fileprivate static let quote = UInt8(ascii: "\"")
  fileprivate static let backslash = UInt8(ascii: "\\")

  /// Source: ctype.c of git 2.39, GIT_SPACE.
  fileprivate var isGitSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
  fileprivate var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
  fileprivate var isKeyByte: Bool {
    isLetter || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) || self == UInt8(ascii: "-")
  }
  fileprivate var lowercased: UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
  }
}
