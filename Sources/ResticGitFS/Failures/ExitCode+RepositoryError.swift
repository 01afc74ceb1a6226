import ResticCore

extension ExitCode {
  /// The exit code that belongs to `error`: the one place that knows.
  init(_ error: RepositoryError) {
    switch error {
    case .noRepository, .otherRepository, .backend(.missing): self = .noRepository
    case .wrongPassword: self = .wrongPassword
    case .locked: self = .locked
    case .cancelled: self = .interrupted
    case .alreadyInitialized, .lockLost, .damaged, .unsupportedVersion, .missingBlob, .noSnapshot, .unstorableTime,
      .tooLarge, .backend:
      self = .failure
    }
  }
}
