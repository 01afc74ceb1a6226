import ResticCore
import SystemPackage

extension Errno {
  /// The error that the kernel gets for a failure in the repository. The caller has logged the failure.
  init(cause: any Error) {
    switch cause {
    case let errno as Errno: self = errno
    case RepositoryError.backend(.noSpace): self = .noSpace
    case RepositoryError.backend(.denied): self = .permissionDenied
    default: self = .ioError
    }
  }
}
