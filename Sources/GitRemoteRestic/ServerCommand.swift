import SystemPackage

/// A git server program on a mount, ready to be started.
struct ServerCommand: Sendable {
  /// Its words after `git`.
  let arguments: [String]
  /// Its variables.
  let environment: ProcessEnvironment

  /// Starts it; `input` and `output` stay the caller's.
  func start(
    input: FileDescriptor = .standardInput, output: FileDescriptor = .standardOutput
  ) throws(HelperError) -> ServerProcess {
    try ServerProcess(self, input: input, output: output)
  }
}
