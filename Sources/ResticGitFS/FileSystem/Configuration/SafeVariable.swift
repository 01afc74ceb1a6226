/// A variable of git's configuration that names neither a program nor a place, and its allowed values.
///
/// `SafeVariable.kind(of:)` is the list of them: a variable that is not on the list is not shown, whatever git does
/// with it.
struct SafeVariable: Sendable {
  /// The allowed values.
  enum Kind: Hashable, Sendable {
    case boolean
    /// A boolean or one of these words.
    case booleanOr([String])
    /// One of these words, in lower case.
    case word([String])
    /// A number, clamped to this range; k, m and g may follow it.
    case number(ClosedRange<Int>)
    /// A pattern for names of references.
    case pattern
    /// A point in time, as `2.weeks.ago`.
    case date
    /// `core.sharedRepository`.
    case sharing
    /// Permissions in octal, or `user`.
    case mask
  }

  /// The size limit of a date in bytes.
  private static let longestDate = 64
  /// The size limit of a pattern in bytes.
  private static let longestPattern = 4096

  /// `text` in the form that is shown; nil if it is not a value of this kind. A `text` of nil is a key without a value.
  static func shown(_ text: String?, as kind: Kind) -> String? {
    switch kind {
    case .boolean: return boolean(text)
    case .booleanOr(let words): return text.flatMap { word($0, words) } ?? boolean(text)
    case .word(let words): return text.flatMap { word($0, words) }
    case .number(let range): return text.flatMap(number).map { "\(min(max($0, range.lowerBound), range.upperBound))" }
    case .pattern: return text.flatMap { isPlain($0, upTo: longestPattern) ? $0 : nil }
    case .date:
      let isDate = text.map { $0.utf8.count <= longestDate && $0.utf8.allSatisfy(isDateByte) } ?? false
      return isDate ? text : nil
    case .sharing:
      let words = ["umask", "group", "all", "world", "everybody"]
      return text.flatMap { word($0, words) ?? permissions($0) } ?? boolean(text)
    case .mask: return text.flatMap { word($0, ["user"]) ?? permissions($0) }
    }
  }

  private static func word(_ text: String, _ words: [String]) -> String? {
    let lower = text.lowercased()
    return words.contains(lower) ? lower : nil
  }

  /// Source: git-config(1), "boolean".
  private static func boolean(_ text: String?) -> String? {
    switch text?.lowercased() {
    case nil, "true", "yes", "on": "true"
    case "false", "no", "off", "": "false"
    case let other?: number(other).map { $0 == 0 ? "false" : "true" }
    }
  }

  /// Nil if it is not a number, or larger than git accepts.
  private static func number(_ text: String) -> Int? {
    let shifts: [Character: Int] = ["k": 10, "m": 20, "g": 30]
    let shift = text.last.flatMap { shifts[Character($0.lowercased())] }
    guard let number = Int(shift == nil ? text[...] : text.dropLast()), shift == nil || number.magnitude < 1 << 32
    else {
      return nil
    }
    return number << (shift ?? 0)
  }

  private static func permissions(_ text: String) -> String? {
    let isOctal = (3...4).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x37).contains($0) }
    return isOctal && (text.utf8.count == 3 || text.hasPrefix("0")) ? text : nil
  }

  private static func isPlain(_ text: String, upTo limit: Int) -> Bool {
    text.utf8.count <= limit && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
  }

  private static func isDateByte(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || Array(" .:_+-".utf8).contains(byte)
  }
}
