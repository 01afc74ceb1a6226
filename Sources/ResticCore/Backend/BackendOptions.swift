/// What restic's `-o key=value` says of the storage of a repository.
///
/// Keys begin with the storage that they are for. As in restic those of other storages are not looked at, case does not
/// matter in a key, and a key may be given twice only with the same value.
/// Source: restic, internal/options and internal/backend/local/config.go.
public struct BackendOptions: Hashable, Sendable {
  /// More calls at a time than anybody needs.
  private static let mostConnections = 1000

  /// How many calls are made at a time: `local.connections`, `rest.connections`.
  public private(set) var connections = LimitedBackend.defaultConnections
  /// Whether every listing of a REST server shows whatever was saved before it began: `rest.immediate-listings`, which
  /// restic does not have.
  public private(set) var hasImmediateListings = false

  /// The defaults.
  public init() {}

  /// What `texts`, each `key=value`, say of the storage at `location`.
  public init(_ texts: [String], for location: BackendLocation) throws(BackendOptionError) {
    var values: [String: String] = [:]
    for text in texts {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
      let (key, value) = (parts[0].lowercased(), parts.count > 1 ? parts[1] : "")
      guard Self.names(storageOptionIn: key) else { throw .unknown(key) }
      guard values[key] ?? value == value else { throw .repeated(key) }
      values[key] = value
    }
    for (key, value) in values.sorted(by: { $0.key < $1.key }) where key.hasPrefix("\(location.scheme).") {
      try set(key, value)
    }
  }

  /// Whether `text` begins with the name of a storage and a dot, as no option of mount(8) or FUSE does.
  public static func names(storageOptionIn text: String) -> Bool {
    guard let dot = text.firstIndex(of: ".") else { return false }
    return BackendLocation.schemes.contains(trimmed(text[..<dot]).lowercased())
  }

  private mutating func set(_ key: String, _ value: String) throws(BackendOptionError) {
    switch key {
    case "local.connections", "rest.connections":
      guard let count = Int(value), (1...Self.mostConnections).contains(count) else {
        throw .invalid(key, value: value, expected: "a number from 1 to \(Self.mostConnections)")
      }
      connections = count
    case "rest.immediate-listings":
      guard let isTrue = Bool(value) else { throw .invalid(key, value: value, expected: "true or false") }
      hasImmediateListings = isTrue
    case "local.layout":
      // Older versions of restic have it; there was another layout for storage in a network.
      guard ["", "auto", "default"].contains(value) else { throw .invalid(key, value: value, expected: "default") }
    default:
      throw .unknown(key)
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return String(text)
  }
}
