import ResticCore

/// A ref that both sides changed to different values, or that can't be there beside what the other side made.
struct RefConflict: Hashable, Sendable {
  /// Why ours is not the ref's value now.
  enum Cause: Hashable, Sendable {
    /// Both sides changed it.
    case changedByBoth
    /// Theirs has a ref of this name, and one is a folder of the other: `refs/heads/a` and `refs/heads/a/b`.
    case nameTaken(by: RefName)
    /// One side made a symbolic ref, the other deleted the ref that it names.
    case targetDeleted(RefName)
  }

  /// Where our value is kept.
  enum Kept: Hashable, Sendable {
    /// A ref of the same repository, beneath `refs/conflicts`.
    case ref(RefName)
    /// A file in the root of the repository: symbolic refs, and what can't be a ref.
    case file(Name)
    /// Nowhere: ours is that the ref is deleted.
    case nothing
  }

  /// The root of the git repository in the merged tree.
  var repository: [Name]
  /// The ref.
  var name: RefName
  /// Its value before; nil = it was not there.
  var base: RefValue?
  /// Its value now, which is theirs.
  var theirs: RefValue?
  /// The value we gave it; nil = we deleted it.
  var ours: RefValue?
  /// Why.
  var cause: Cause
  /// Where ours is.
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
