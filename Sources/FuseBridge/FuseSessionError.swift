public import SystemPackage

/// Why a file system could not be mounted. libfuse and fusermount3 have written details to standard error.
public enum FuseSessionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The mountpoint is not there, not a directory, or a dead mount.
  case badMountpoint(FilePath, Errno)
  /// libfuse did not take the options.
  case badOptions([String])
  /// The mount itself failed.
  case mountFailed(FilePath)
  /// There were no descriptors left for the threads that serve it.
  case noThreads(Errno)

  /// What happened and what to do next.
  public var description: String {
    switch self {
    case .badMountpoint(let path, .socketNotConnected):
      "\(path) is a mount whose program died: take it off with `fusermount3 -u \(path)` and try again"
    case .badMountpoint(let path, let error):
      "cannot mount at \(path): \(error); give an existing directory"
    case .badOptions(let options):
      "libfuse does not take these mount options: \(options.joined(separator: ",")); remove the unknown one"
    case .mountFailed(let path):
      "cannot mount at \(path): check that /dev/fuse is there, that fusermount3 is installed, "
        + "and that the directory is yours"
    case .noThreads(let error):
      "cannot serve the mount: \(error); raise the limit of open files (ulimit -n)"
    }
  }
}
