/// The values of restic's `-o key=value` for one kind of storage, until all of them have been taken.
///
/// Keys begin with the storage that they are for: `rest.connections`. As in restic, options of other storages are
/// ignored, the case of a key does not matter, and a key may be given twice only with the same value.
/// Source: restic, internal/options.
public struct OptionValues {
  private let scheme: String
  private var values: [String: String] = [:]
  private var known: Set<String> = []

  /// The options in `texts`, each `key=value`, for the storage `scheme`, a member of `BackendLocation.schemes`.
  init(_ texts: [String], of scheme: String) throws(OptionError) {
    self.scheme = scheme
    for text in texts {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
      let (key, value) = (parts[0].lowercased(), parts.count > 1 ? parts[1] : "")
      guard Self.names(storageOptionIn: key) else { throw .unknown(key, known: []) }
      guard values[key] ?? value == value else { throw .repeated(key) }
      values[key] = value
    }
    values = values.filter { $0.key.hasPrefix("\(scheme).") }
  }

  /// Whether `text` begins with the name of a storage and a dot; no option of mount(8) or FUSE does.
  public static func names(storageOptionIn text: String) -> Bool {
    guard let dot = text.firstIndex(of: ".") else { return false }
    return BackendLocation.schemes.contains(trimmed(text[..<dot]).lowercased())
  }

  /// The value of the option `name`, which is given without the storage; nil if the option is not set.
  mutating func text(_ name: String) -> String? {
    known.insert(key(name))
    return values.removeValue(forKey: key(name))
  }

  /// As `text`, for an option of restic's that changes nothing here: nobody needs to know it.
  private mutating func silentText(_ name: String) -> String? { values.removeValue(forKey: key(name)) }

  /// Accepts the option `name` of restic's with a value that `isAllowed`, which describes what is true anyway. Throws
  /// `.invalid` for another value. The option is not among those that messages list.
  mutating func accept(_ name: String, expected: String, _ isAllowed: (String) -> Bool) throws(OptionError) {
    guard let text = silentText(name), !isAllowed(text) else { return }
    throw .invalid(key(name), value: text, expected: expected)
  }

  /// As `text`, converted by `parse` to a value that `expected` describes. Throws `.invalid` if `parse` returns nil.
  mutating func value<Value>(
    _ name: String, expected: String, _ parse: (String) -> Value?
  ) throws(OptionError) -> Value? {
    guard let text = text(name) else { return nil }
    guard let value = parse(text) else { throw .invalid(key(name), value: text, expected: expected) }
    return value
  }

  /// As `value`, for a number.
  mutating func number(_ name: String, in range: ClosedRange<Int>) throws(OptionError) -> Int? {
    try value(name, expected: "a number from \(range.lowerBound) to \(range.upperBound)") { text in
      Int(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// As `value`, for `true` or `false`, as Go's strconv.ParseBool reads them.
  mutating func flag(_ name: String) throws(OptionError) -> Bool? {
    try value(name, expected: "true or false") { text in
      switch text {
      case "1", "t", "T", "true", "TRUE", "True": true
      case "0", "f", "F", "false", "FALSE", "False": false
      default: nil
      }
    }
  }

  /// Throws `.unsupported` if one of `names` is set: options of restic that would have no effect.
  func refuse(_ names: String..., reason: String) throws(OptionError) {
    if let name = names.first(where: { values[key($0)] != nil }) { throw .unsupported(key(name), reason: reason) }
  }

  /// Accepts `layout`, an option of older versions of restic: there is one layout, the default.
  mutating func requireDefaultLayout() throws(OptionError) {
    try accept("layout", expected: "default") { ["", "auto", "default"].contains($0) }
  }

  /// The number of concurrent calls: `connections`, which every storage has.
  mutating func connections() throws(OptionError) -> Int {
    try number("connections", in: 1...Self.mostConnections) ?? LimitedBackend.defaultConnections
  }

  /// Throws `.unknown` if an option is left that no code has taken.
  func finish() throws(OptionError) {
    guard let key = values.keys.min() else { return }
    throw .unknown(key, known: known.sorted())
  }

  /// More concurrent calls than anybody needs.
  private static let mostConnections = 1000

  private func key(_ name: String) -> String { "\(scheme).\(name)" }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return String(text)
  }
}
