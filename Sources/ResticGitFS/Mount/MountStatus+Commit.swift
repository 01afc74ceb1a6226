import ResticCore

extension MountOutcome {
  /// The outcome of a mount whose last commit had `result`.
  init(_ result: CommitResult) {
    switch result {
    case .unchanged(let base): self = .clean(snapshot: base?.hex)
    case .saved(let saved, _) where result.isConflict:
      self = .conflict(snapshot: saved.id.hex, message: result.message ?? "")
    case .saved(let saved, _): self = .committed(snapshot: saved.id.hex)
    }
  }
}

extension MountStatus.LastCommit {
  /// The last commit, with `result`.
  init(_ result: CommitResult, at time: Timestamp) {
    let isSaved =
      switch result {
      case .saved: true
      case .unchanged: false
      }
    self.init(
      snapshot: result.snapshot?.hex, saved: isSaved, time: time.rfc3339, message: result.message,
      conflict: result.isConflict)
  }
}

extension MountStatus.LastError {
  /// A commit in the repository at `location` that failed with `error`.
  init(_ error: any Error, location: String, at time: Timestamp) {
    if let refusal = error as? RefusedMerge {
      self.init(
        message: refusal.description, exitCode: ExitCode.partial.rawValue, time: time.rfc3339,
        references: refusal.references?.map { String(decoding: $0.bytes, as: UTF8.self) })
      return
    }
    if let unconfirmed = error as? UnconfirmedSnapshot {
      let cause = (unconfirmed.cause as? RepositoryError).map { ExitCode($0) } ?? .failure
      self.init(
        message: unconfirmed.description, exitCode: cause.rawValue, time: time.rfc3339,
        snapshot: unconfirmed.saved.id.hex)
      return
    }
    if let unanswered = error as? UnansweredSnapshot {
      self.init(
        message: unanswered.description, exitCode: ExitCode(unanswered.cause).rawValue, time: time.rfc3339,
        snapshot: unanswered.saved.id.hex)
      return
    }
    if case RepositoryError.missingBlob = error {
      self.init(
        message: "\(error); a file that needs it cannot be read: write it again or remove it",
        exitCode: ExitCode.failure.rawValue, time: time.rfc3339,
        isIncomplete: true)
      return
    }
    let cause = (error as? RepositoryError).map { CommandError($0, location: location) } ?? CommandError("\(error)")
    self.init(message: cause.description, exitCode: cause.exitCode.rawValue, time: time.rfc3339)
  }
}

extension MountStatus.Rollback {
  /// The member for `rollback`.
  init(_ rollback: Rollback) {
    self.init(
      shown: rollback.shown?.id.hex, shownTime: rollback.shown?.snapshot.time.rfc3339, seen: rollback.seen.id.hex,
      seenTime: rollback.seen.snapshot.time.rfc3339, message: rollback.message)
  }
}

extension MountStatus.RefreshError {
  /// A look at the repository at `location` that failed with `error`.
  init(_ error: any Error, location: String, at time: Timestamp) {
    let cause = (error as? RepositoryError).map { CommandError($0, location: location).description } ?? "\(error)"
    self.init(message: cause, time: time.rfc3339)
  }
}
