/// Why an option of a storage cannot be followed.
public enum BackendOptionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// There is no such option.
  case unknown(String)
  /// It was given twice, with different values.
  case repeated(String)
  /// Its value makes no sense.
  case invalid(String, value: String, expected: String)

  public var description: String {
    switch self {
    case .unknown(let key):
      "option \"\(key)\" is not known; there are local.connections, rest.connections and rest.immediate-listings"
    case .repeated(let key):
      "option \"\(key)\" is given more than once"
    case .invalid(let key, let value, let expected):
      "option \"\(key)\" cannot be '\(value)': it is \(expected)"
    }
  }
}
