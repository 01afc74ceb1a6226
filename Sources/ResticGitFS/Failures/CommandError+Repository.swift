import MessageText
import ResticCore

extension CommandError {
  /// The message and exit code for `error` in the repository at `location`.
  init(_ error: RepositoryError, location: String) {
    self.init(Self.message(for: error, location: location), exitCode: ExitCode(error))
  }

  private static func message(for error: RepositoryError, location: String) -> String {
    switch error {
    case .noRepository:
      "there is no restic repository at \(location); create one with `restic-gitfs init -r \(ShellWord(location))`"
    case .alreadyInitialized:
      "there is already a restic repository at \(location); nothing was changed"
    case .wrongPassword:
      "wrong password or no key found in the repository at \(location)"
    case .locked(let message):
      "\(message); --retry-lock waits longer"
    case .lockLost(let message):
      "\(message); nothing more was written, try again"
    case .damaged(let message):
      "\(message); run `restic -r \(ShellWord(location)) check` to learn more"
    case .unsupportedVersion(let version):
      "the repository at \(location) has format version \(version); this program knows versions 1 and 2"
    case .backend(.missing(let message)):
      message
    case .backend(.denied(let message)):
      "the repository at \(location) denies access: \(message)"
    case .backend(.unreachable(let message)):
      // The words about ssh have an advice of their own.
      "the repository at \(location) cannot be reached: \(message)"
        + (message.contains("; check ") ? "" : "; check the location and the network")
    case .backend(let cause):
      "the repository at \(location) cannot be used: \(cause)"
    case .otherRepository, .missingBlob, .noSnapshot, .unstorableTime, .tooLarge, .cancelled:
      "\(error)"
    }
  }
}
