internal import Platform
internal import ProcessPrivacy

extension NamedRepositories {
  private static let table = "repositories"
  private static let noPassword =
    "this file must not contain a password: name a command that prints it (password-command) or a file that holds it (password-file)"

  /// Parses `bytes`, the content of `file`, into repositories by name. `home` is the folder that a leading `~/` stands
  /// for.
  static func read(_ bytes: [UInt8], file: String, home: String?) throws(ConfigurationError) -> [String:
    NamedRepository]
  {
    let document: TOMLDocument
    do throws(TOMLError) {
      document = try TOMLDocument(parsing: bytes)
    } catch {
      throw ConfigurationError(file: file, line: error.line, error.message)
    }
    var found: [String: NamedRepository] = [:]
    var lines: [String: Int] = [:]
    for (path, line) in document.tables.sorted(by: { $0.value < $1.value }) {
      guard path.first == table, path.count <= 2 || path.count == 3 && path[2] == RepositorySetting.options.rawValue
      else {
        throw ConfigurationError(
          file: file, line: line,
          "[\(path.joined(separator: "."))] is not known here; a repository has a table [repositories.NAME]")
      }
      if path.count > 1 { lines[path[1]] = min(line, lines[path[1]] ?? line) }
    }
    for entry in document.entries {
      guard entry.path.first == table, entry.path.count > 2 else {
        let key = entry.path.last ?? ""
        throw ConfigurationError(
          file: file, line: entry.line,
          key == "password" ? noPassword : "'\(key)' stands outside a table [repositories.NAME]")
      }
      lines[entry.path[1]] = min(entry.line, lines[entry.path[1]] ?? entry.line)
      do throws(TOMLError) {
        try add(entry, to: &found[entry.path[1], default: NamedRepository(name: entry.path[1], file: file)], home: home)
      } catch {
        throw ConfigurationError(file: file, line: error.line, error.message)
      }
    }
    for (name, line) in lines.sorted(by: { $0.value < $1.value }) {
      guard isName(name) else {
        throw ConfigurationError(
          file: file, line: line,
          "'\(name)' is no name for a repository: use letters, digits, '-', '_' and '.', a letter or digit first")
      }
      guard found[name]?[.repository] != nil else {
        throw ConfigurationError(
          file: file, line: line, "the repository '\(name)' has no location: add repository = \"…\"")
      }
      guard found[name]?[.passwordFile] == nil || found[name]?[.passwordCommand] == nil else {
        throw ConfigurationError(
          file: file, line: line, "the repository '\(name)' has a password-file and a password-command: keep one")
      }
    }
    return found
  }

  private static func add(
    _ entry: TOMLEntry, to repository: inout NamedRepository, home: String?
  ) throws(TOMLError) {
    let key = entry.path[2]
    func error(_ message: String) -> TOMLError { TOMLError(line: entry.line, message: message) }
    if key == "password" { throw error(noPassword) }
    guard let setting = RepositorySetting(rawValue: key) else {
      throw error("'\(key)' is not known here; docs/CONFIGURATION.md lists what is")
    }
    if setting.kind == .table {
      guard entry.path.count == 4, case .string(let text) = entry.value else {
        throw error("'\(key)' is a table of texts: \(key) = { \"s3.region\" = \"eu-west-1\" }")
      }
      return repository.set(setting, to: repository.texts(setting) + ["\(entry.path[3])=\(text)"])
    }
    guard entry.path.count == 3 else { throw error("'\(key)' has no keys of its own") }
    let texts = try texts(of: setting, entry, home: home)
    if let problem = texts.lazy.compactMap(setting.problem).first { throw error("'\(key)' \(problem)") }
    repository.set(setting, to: texts)
  }

  /// The value of `entry` as texts. Throws if the value is not valid for `setting`.
  private static func texts(of setting: RepositorySetting, _ entry: TOMLEntry, home: String?) throws(TOMLError)
    -> [String]
  {
    func error(_ message: String) -> TOMLError {
      TOMLError(line: entry.line, message: "'\(setting.rawValue)' \(message)")
    }
    switch (setting.kind, entry.value) {
    case (.text, .string(let text)) where setting == .repository: return [try location(text, entry.line, home: home)]
    case (.text, .string(let text)), (.texts, .string(let text)):
      guard !text.isEmpty else { throw error("is empty") }
      return [text]
    case (.texts, .strings(let texts)): return texts
    case (.file, .string(let text)), (.files, .string(let text)):
      return [try file(text, setting, entry.line, home: home)]
    case (.files, .strings(let texts)):
      var files: [String] = []
      for text in texts { files.append(try file(text, setting, entry.line, home: home)) }
      return files
    case (.duration, .string(let text)):
      guard Duration(text: text) != nil else { throw error("is not a duration: write 30s, 5m or 1h30m") }
      return [text]
    case (.number, .integer(let number)) where setting.range.contains(number): return ["\(number)"]
    case (.flag, .boolean(let flag)): return ["\(flag)"]
    case (.number, _):
      throw error("is a whole number from \(setting.range.lowerBound) to \(setting.range.upperBound)")
    case (.flag, _): throw error("is true or false")
    case (.texts, _), (.files, _): throw error("is a text in quotes, or a list of them")
    case (.text, _), (.duration, _), (.file, _), (.table, _): throw error("is a text in quotes")
    }
  }

  /// Returns the location `text`, in which a local folder is made absolute. Throws if the location contains a password.
  private static func location(_ text: String, _ line: Int, home: String?) throws(TOMLError) -> String {
    guard URLPassword.hidden(in: text) == text else {
      throw TOMLError(
        line: line, message: "this file must not contain a password: set RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD")
    }
    let local = "local:"
    if text.hasPrefix(local) {
      return local + (try file(String(text.dropFirst(local.count)), .repository, line, home: home))
    }
    let isFolder = !text.prefix { $0 != "/" }.contains(":")
    return isFolder ? try file(text, .repository, line, home: home) : text
  }

  /// Returns the path `text`, made absolute.
  private static func file(
    _ text: String, _ setting: RepositorySetting, _ line: Int, home: String?
  ) throws(TOMLError) -> String {
    if text.hasPrefix("/") { return text }
    if text.hasPrefix("~/"), let home { return home + text.dropFirst() }
    throw TOMLError(line: line, message: "'\(setting.rawValue)' is a path that begins with / or ~/")
  }
}
