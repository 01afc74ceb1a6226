import NamedRepositories

extension Environment {
  /// The repository called `text` in the configuration files; nil if there is none.
  func namedRepository(_ text: String) throws(CommandError) -> NamedRepository? {
    do throws(ConfigurationError) {
      return try NamedRepositories.find(text) { Variable(rawValue: $0).flatMap { self[$0] } }
    } catch {
      throw CommandError(error.description)
    }
  }
}

extension NamedRepository {
  /// The duration of `setting`; nil if the file has none.
  func duration(_ setting: RepositorySetting) throws(CommandError) -> Duration? {
    guard let text = self[setting] else { return nil }
    do {
      return try Duration.parse(text)
    } catch {
      throw CommandError("\(file), repository '\(name)': '\(setting.rawValue)': \(error)")
    }
  }
}
