/// Why an option of a storage cannot be followed.
public enum OptionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// There is no such option; `known`: those of the storage, none where no storage has the name before the dot.
  case unknown(String, known: [String])
  /// It was given twice, with different values.
  case repeated(String)
  /// restic has it, and it is not followed here.
  case unsupported(String, reason: String)
  /// Its value makes no sense.
  case invalid(String, value: String, expected: String)
  /// There is no program of this name that could be run.
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
