import ResticCore

extension MountOutcome {
  /// How a mount ends whose last commit came to `result`.
  init(_ result: CommitResult) {
    switch result {
    case .unchanged(let base): self = .clean(snapshot: base?.hex)
    case .saved(let snapshot): self = .committed(snapshot: snapshot.hex)
    case .conflict(let snapshot, _): self = .conflict(snapshot: snapshot.hex, message: result.message ?? "")
    }
  }
}

extension MountStatus.LastCommit {
  /// A commit that came to `result`.
  init(_ result: CommitResult, at time: Timestamp) {
    let snapshot: SnapshotID? =
      switch result {
      case .unchanged(let base): base
      case .saved(let snapshot), .conflict(let snapshot, _): snapshot
      }
    self.init(snapshot: snapshot?.hex, time: time.rfc3339, message: result.message)
  }
}

extension MountStatus.LastError {
  /// A commit in the repository at `location` that failed with `error`.
  init(_ error: any Error, location: String, at time: Timestamp) {
    let cause = (error as? RepositoryError).map { CommandError($0, location: location) } ?? CommandError("\(error)")
    self.init(message: cause.description, exitCode: cause.exitCode.rawValue, time: time.rfc3339)
  }
}

extension CommitResult {
  /// What a person has to know of it, if anything.
  var message: String? {
    switch self {
    case .unchanged, .saved: nil
    case .conflict(let ours, let newest):
      """
      the repository has a newer snapshot \(newest.short) by somebody else, which stays the latest; what was written here is \
      saved as snapshot \(ours.short), tagged \(SnapshotDescription.conflictTag): mount it with --snapshot \(ours.short)
      """
    }
  }
}
