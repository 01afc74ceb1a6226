import ResticCore

/// A ref that both sides changed to different values, or that cannot exist beside a ref of the other side.
struct RefConflict: Hashable, Sendable {
  /// Why the ref does not have our value.
  enum Cause: Hashable, Sendable {
    /// Both sides changed it.
    case changedByBoth
    /// Theirs has another ref, and one of the two names is a folder of the other: `refs/heads/a` and `refs/heads/a/b`.
    case nameTaken(by: RefName)
    /// One side made a symbolic ref, the other deleted its target.
    case targetDeleted(RefName)
  }

  /// Where our value is kept.
  enum Kept: Hashable, Sendable {
    /// A ref of the same repository, beneath `refs/conflicts`.
    case ref(RefName)
    /// A file in the root of the repository: for symbolic refs, and for values that a ref cannot have.
    case file(Name)
    /// Nowhere: our side deleted the ref.
    case nothing
  }

  /// The root of the git repository in the merged tree.
  var repository: [Name]
  /// The ref.
  var name: RefName
  /// Its value in the base; nil: it did not exist.
  var base: RefValue?
  /// Its value now, which is theirs.
  var theirs: RefValue?
  /// Our value; nil: our side deleted it.
  var ours: RefValue?
  /// The cause.
  var cause: Cause
  /// Where our value is kept.
  var kept: Kept
}

extension RefConflict: CustomStringConvertible {
  var description: String {
    let place = repository.isEmpty ? "\(name)" : "\(name) of \(repository.pathText)"
    let reason =
      switch cause {
      case .changedByBoth: theirs == nil ? "deleted by someone else meanwhile" : "changed by someone else meanwhile"
      case .nameTaken(let other): "someone else created \(other)"
      case .targetDeleted(let target): "\(target) was deleted on the other side"
      }
    return switch kept {
    case .ref(let ref): "\(place): \(reason); your version is kept as \(ref)"
    case .file(let file): "\(place): \(reason); your version is kept in the file \(file)"
    case .nothing: "\(place): \(reason); it stays"
    }
  }
}
