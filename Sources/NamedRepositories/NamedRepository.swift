/// A repository that the configuration file gives a name to, with all that belongs to it.
public struct NamedRepository: Hashable, Sendable {
  /// Its name.
  public let name: String
  /// The file that names it.
  public let file: String
  /// Each setting that the file has, as texts: a flag is `true` or `false`, options are `key=value`.
  private(set) var values: [RepositorySetting: [String]] = [:]

  /// A repository without settings.
  init(name: String, file: String) {
    self.name = name
    self.file = file
  }

  mutating func set(_ setting: RepositorySetting, to texts: [String]) {
    values[setting] = texts
  }

  /// Where the repository is, as after `-r`. Every named repository has a location.
  public var location: String { self[.repository] ?? "" }

  /// The text of `setting`; nil if the file has none.
  public subscript(setting: RepositorySetting) -> String? { values[setting]?.first }

  /// The texts of `setting`; none if the file has none.
  public func texts(_ setting: RepositorySetting) -> [String] { values[setting] ?? [] }

  /// The number of `setting`; nil if the file has none.
  public func number(_ setting: RepositorySetting) -> Int? { self[setting].flatMap { Int($0) } }

  /// Whether `setting` is true.
  public func isOn(_ setting: RepositorySetting) -> Bool { self[setting] == "true" }

  /// A text that is the same for the same settings and no others.
  public var fingerprint: [String] {
    [file, name]
      + values.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap { setting, texts in
        ["\(setting.rawValue) \(texts.count)"] + texts
      }
  }
}
