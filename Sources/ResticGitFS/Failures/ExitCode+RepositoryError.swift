import ResticCore

extension ExitCode {
  /// The exit code for `error`: the only place that decides it.
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
