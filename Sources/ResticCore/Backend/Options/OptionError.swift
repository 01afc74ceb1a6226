/// Why an option of a storage cannot be used.
public enum OptionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// There is no such option. `known`: the options of the storage; empty if there is no storage of that name.
  case unknown(String, known: [String])
  /// It was given twice, with different values.
  case repeated(String)
  /// An option of restic that this program does not support.
  case unsupported(String, reason: String)
  /// The value is invalid.
  case invalid(String, value: String, expected: String)
  /// There is no executable program of this name.
  case noProgram(String, advice: String)

  /// One line that quotes the option's name and says what would be accepted.
  public var description: String {
    switch self {
    case .unknown(let key, known: []):
      "option \"\(key)\" is not known: an option begins with the kind of storage and a dot, for example rest.connections"
    case .unknown(let key, let known):
      "option \"\(key)\" is not known; the options are \(known.joined(separator: ", "))"
    case .repeated(let key):
      "option \"\(key)\" is given more than once"
    case .unsupported(let key, let reason):
      "option \"\(key)\" is an option of restic's that is not supported here: \(reason)"
    case .invalid(let key, let value, let expected):
      "option \"\(key)\" cannot be '\(value)': it must be \(expected)"
    case .noProgram(let name, let advice):
      "there is no program \(name): \(advice)"
    }
  }
}
