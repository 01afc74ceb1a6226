import ResticCore

/// The refs that `restic-gitfs log` is to print, as the user names them, and which of them were found. Belongs to one
/// task.
final class RefSelection {
  /// The words that each ref has, by each of its names.
  private let words: [RefName: [String]]
  /// The git repository; nil: all of them.
  private let folder: [Name]?
  /// The words of which no ref was found, in the order of the command line.
  private var missing: [String]
  private var isFolderMissing: Bool

  /// The refs that `texts` name, as git resolves names: `main`, `heads/main` or `refs/heads/main`. Empty: all refs.
  /// `folder`: those of the git repository there alone; nil: those of all.
  init(_ texts: [String], in folder: [Name]?) {
    var words: [RefName: [String]] = [:]
    for text in texts {
      for name in RefName.candidates(for: text) { words[name, default: []].append(text) }
    }
    self.words = words
    self.folder = folder
    missing = texts
    isFolderMissing = folder != nil
  }

  /// Whether all refs are wanted.
  var isEverything: Bool { words.isEmpty && folder == nil }

  /// Whether something was found of all that was named.
  var isSatisfied: Bool { missing.isEmpty && !isFolderMissing }

  /// Whether the ref of `move` is one of those. Notes that it was found.
  func accepts(_ move: RefMove) -> Bool {
    if let folder {
      guard folder == move.repository else { return false }
      isFolderMissing = false
    }
    guard !words.isEmpty else { return true }
    guard let found = words[move.name] else { return false }
    if !missing.isEmpty { missing.removeAll { found.contains($0) } }
    return true
  }

  /// Says what was not found in all snapshots; nil if all was. `isWhole`: whether everything could be read.
  func problem(isWhole: Bool) -> String? {
    let place = (folder ?? []).map(\.description).joined(separator: "/")
    let snapshots = isWhole ? "no snapshot" : "no snapshot that can be read"
    if isFolderMissing {
      return "\(snapshots) has a git repository in '\(place)'; `restic-gitfs log` names those that are there"
    }
    guard let first = missing.first else { return nil }
    let names = missing.map { "'\($0)'" }.joined(separator: " or ")
    let text = "\(snapshots) has a ref \(names)\(folder == nil || place.isEmpty ? "" : " in '\(place)'")"
    // git allows none of these characters in the name of a ref.
    if missing.contains(where: { $0.contains { "*?[".contains($0) } }) {
      return "\(text); a pattern names no ref: write main, heads/main or refs/heads/main"
    }
    if first.hasPrefix("/") || first.hasPrefix(".") { return "\(text), and nothing is mounted there" }
    return "\(text); `restic-gitfs log` without a ref shows which were where"
  }
}
