import ResticCore

/// A ref whose value in one snapshot differs from that in the one before.
struct RefMove: Hashable, Sendable {
  /// What happened to the ref. Only the commits tell whether a branch went forward or was forced.
  enum Kind: String, Hashable, Sendable {
    case created
    case moved
    case deleted
  }

  /// The git repository's folder in the tree; empty: the root.
  var repository: [Name]
  var name: RefName
  /// The ref's value before; nil: the ref did not exist.
  var old: RefValue?
  /// The ref's value now; nil: the ref no longer exists.
  var new: RefValue?

  var kind: Kind {
    if old == nil { return .created }
    return new == nil ? .deleted : .moved
  }
}

extension RefName {
  /// The refs that `text` may name, in the order in which git tries them. Source: gitrevisions(7).
  static func candidates(for text: String) -> [RefName] {
    ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"].map { RefName(Array(($0 + text).utf8)) }
  }
}
