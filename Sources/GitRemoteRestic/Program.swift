import Glibc
import Platform
import ProcessPrivacy

/// `git-remote-restic REMOTE URL`: git starts it for a URL `restic::LOCATION`.
///
/// One thread does nearly everything; Swift's concurrency would improve nothing here. Signals keep their default
/// action: however this process ends, the mount that it has started ends with it (`PrivateMount`).
@main
enum Program {
  /// git's own exit code for a fatal error.
  private static let fatal: Int32 = 128

  static func main() {
    StandardDescriptors.complete()
    ProcessPrivacy.begin()
    ChildProcess.expectEnds()
    // If a server ends early, this process must not die before it has read the server's report.
    signal(SIGPIPE, SIG_IGN)
    let environment = ProcessEnvironment.current()
    let trace = Trace(environment)
    do throws(HelperError) {
      let arguments = CommandLine.arguments
      URLPassword.hideInArguments()
      guard let command = try CommandLineWords.parse(Array(arguments.dropFirst()), { environment[$0] }) else { return }
      try RemoteHelper(command: command, environment: environment, trace: trace).run()
    } catch {
      if let message = error.message { StandardError.write(message) }
      exit(fatal)
    }
  }
}
