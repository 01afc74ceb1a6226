import ResticCore

/// A ref that one snapshot has with another value than the one before.
struct RefMove: Hashable, Sendable {
  /// What happened to the ref. Whether a branch went forward or was forced only the commits tell.
  enum Kind: String, Hashable, Sendable {
    case created
    case moved
    case deleted
  }

  /// Where the git repository is in the tree; empty: it is the root.
  var repository: [Name]
  /// The ref.
  var name: RefName
  /// Its value before; nil: it was not there.
  var old: RefValue?
  /// Its value now; nil: it is not there any more.
  var new: RefValue?

  var kind: Kind {
    if old == nil { return .created }
    return new == nil ? .deleted : .moved
  }

  /// Whether `text` names the ref as git would take it: `main`, `heads/main` or `refs/heads/main`.
  func isNamed(_ text: String) -> Bool { RefName.candidates(for: text).contains(name) }
}

extension RefName {
  /// The refs that a person may mean by `text`, those that git tries first at the beginning. Source: gitrevisions(7).
  static func candidates(for text: String) -> [RefName] {
    ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"].map { RefName(Array(($0 + text).utf8)) }
  }
}
