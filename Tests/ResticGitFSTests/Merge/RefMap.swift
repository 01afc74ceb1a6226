@testable import ResticGitFS

/// The refs of a git repository, read from its files in the plainest way.
struct RefMap: Equatable, CustomStringConvertible {
  /// Values by name: an id, or `ref: NAME`. `HEAD` is one of them.
  var values: [String: String] = [:]

  init(_ values: [String: String] = [:]) {
    self.values = values
  }

  /// The refs in the files of a repository.
  init(_ files: FileTree) {
    for line in (files["packed-refs"]?.text ?? "").split(separator: "\n")
    where !line.hasPrefix("#") && !line.hasPrefix("^") {
      let words = line.split(separator: " ")
      values[String(words[1])] = String(words[0])
    }
    for (path, entry) in files.entries where (path.hasPrefix("refs/") || path == "HEAD") && entry.kind != .directory {
      values[path] = entry.text.hasSuffix("\n") ? String(entry.text.dropLast()) : entry.text
    }
  }

  subscript(name: String) -> String? {
    get { values[name] }
    set { values[name] = newValue }
  }

  /// The target of a symbolic ref.
  func target(of name: String) -> String? {
    guard let value = values[name], value.hasPrefix("ref: ") else { return nil }
    return String(value.dropFirst(5))
  }

  /// Symbolic refs except `HEAD` whose target is missing.
  var dangling: [String] {
    values.keys.filter { name in name != "HEAD" && target(of: name).map { values[$0] == nil } ?? false }
  }

  /// Names of which one is a folder of the other.
  var clashes: [String] {
    values.keys.filter { name in values.keys.contains { $0.hasPrefix(name + "/") } }
  }

  /// Without the refs in a folder.
  func without(_ folder: String) -> RefMap { RefMap(values.filter { !$0.key.hasPrefix(folder + "/") }) }

  var description: String { values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ") }
}
