import ResticCore
import SystemPackage

extension Errno {
  /// What the kernel is told of a failure in the repository. The caller has logged it.
  init(cause: any Error) {
    switch cause {
    case let errno as Errno: self = errno
    case RepositoryError.backend(.noSpace): self = .noSpace
    case RepositoryError.backend(.denied): self = .permissionDenied
    default: self = .ioError
    }
  }
}
