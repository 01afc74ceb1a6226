/// A repository that a configuration file names, with its settings.
public struct NamedRepository: Hashable, Sendable {
  /// Its name.
  public let name: String
  /// The file that names it.
  public let file: String
  /// Each setting in the file, as texts: a flag is `true` or `false`, options are `key=value`.
  private(set) var values: [RepositorySetting: [String]] = [:]

  /// Creates a repository without settings.
  init(name: String, file: String) {
    self.name = name
    self.file = file
  }

  mutating func set(_ setting: RepositorySetting, to texts: [String]) {
    values[setting] = texts
  }

  /// Where the repository is, as after `-r`. Every named repository has a location.
  public var location: String { self[.repository] ?? "" }

  /// The text of `setting`; nil if the file does not set it.
  public subscript(setting: RepositorySetting) -> String? { values[setting]?.first }

  /// The texts of `setting`; empty if the file does not set it.
  public func texts(_ setting: RepositorySetting) -> [String] { values[setting] ?? [] }

  /// The number of `setting`; nil if the file does not set it.
  public func number(_ setting: RepositorySetting) -> Int? { self[setting].flatMap { Int($0) } }

  /// Whether `setting` is true.
  public func isOn(_ setting: RepositorySetting) -> Bool { self[setting] == "true" }

  /// Texts that are equal for two repositories only if all their settings are equal.
  public var fingerprint: [String] {
    [file, name]
      + values.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap { setting, texts in
        ["\(setting.rawValue) \(texts.count)"] + texts
      }
  }
}
