public import SystemPackage

/// Why a file system could not be mounted. libfuse and fusermount3 have written details to standard error.
public enum FuseSessionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The mountpoint does not exist, is not a directory, or is a dead mount.
  case badMountpoint(FilePath, Errno)
  /// libfuse did not accept the options.
  case badOptions([String])
  /// The mount itself failed, for this reason.
  case mountFailed(FilePath, FuseMountObstacle)
  /// The process had no descriptors left for the threads that serve the mount.
  case noThreads(Errno)

  /// What happened and what to do next.
  public var description: String {
    switch self {
    case .badMountpoint(let path, .socketNotConnected):
      "the program that served the mount \(path) died; unmount it with `fusermount3 -u \(path)` and try again"
    case .badMountpoint(let path, let error):
      "cannot mount at \(path): \(error); give an existing directory"
    case .badOptions(let options):
      "libfuse does not accept these mount options: \(options.joined(separator: ",")); remove the unknown one"
    case .mountFailed(let path, let obstacle):
      "cannot mount at \(path): \(obstacle)"
    case .noThreads(let error):
      "cannot serve the mount: \(error); raise the limit of open files (ulimit -n)"
    }
  }
}
