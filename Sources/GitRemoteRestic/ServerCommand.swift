import SystemPackage

/// A git server program on a mount, ready to be started.
struct ServerCommand: Sendable {
  /// Its words after `git`.
  let arguments: [String]
  /// Its variables.
  let environment: ProcessEnvironment

  /// Starts it with our standard streams, but for those of `descriptors` (theirs: ours).
  func start(_ descriptors: KeyValuePairs<Int32, FileDescriptor> = [:]) throws(HelperError) -> ChildProcess {
    try ChildProcess.start("git", arguments, environment: environment, descriptors: descriptors)
  }
}
