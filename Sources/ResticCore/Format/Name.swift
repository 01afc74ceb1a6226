internal import Glibc

/// The name of a directory entry: bytes, as the kernel and restic see them.
///
/// Two names are equal if their bytes are equal, whatever Unicode says; `<` is restic's order of a tree.
public struct Name: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
  /// The name's bytes, without a terminator. No encoding is implied.
  public let bytes: [UInt8]

  /// The name with exactly these bytes; nothing is checked (see `isValidEntryName`).
  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The UTF-8 of `string`.
  public init(_ string: String) {
    bytes = Array(string.utf8)
  }

  /// The UTF-8 of a literal in the source.
  public init(stringLiteral value: String) {
    self.init(value)
  }

  /// Whether a directory of a Linux file system may have an entry of this name: a single path component (not empty, `.`
  /// or `..`, no `/`, no NUL) of at most 255 bytes.
  public var isValidEntryName: Bool { isPathComponent && bytes.count <= 255 }

  /// Like `isValidEntryName`, but without the length limit: trees saved on other systems have longer names.
  var isPathComponent: Bool {
    switch bytes.count {
    case 0: return false
    case 1 where bytes[0] == UInt8(ascii: "."): return false
    case 2 where bytes[0] == UInt8(ascii: ".") && bytes[1] == UInt8(ascii: "."): return false
    default:
      return bytes.withUnsafeBytes { bytes in
        for byte in bytes where byte == UInt8(ascii: "/") || byte == 0 { return false }
        return true
      }
    }
  }

  /// The name for people: text in which everything unprintable is escaped as in Go or C. Different names look
  /// different.
  public var description: String {
    bytes.withUnsafeBytes { String(decoding: GoQuote.quote($0), as: UTF8.self) }
  }

  /// `description`, shortened to fit into a message.
  var excerpt: String {
    bytes.count <= 80 ? description : Name(Array(bytes[..<80])).description + "…"
  }

  /// Orders by unsigned bytes, a prefix first: Go's order of strings, in which restic sorts a tree.
  public static func < (left: Name, right: Name) -> Bool {
    left.bytes.withUnsafeBytes { left in
      right.bytes.withUnsafeBytes { right in
        let common = min(left.count, right.count)
        if common > 0, let first = left.baseAddress, let second = right.baseAddress {
          let order = memcmp(first, second, common)
          if order != 0 { return order < 0 }
        }
        return left.count < right.count
      }
    }
  }
}
