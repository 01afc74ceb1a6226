import Glibc
import Platform
import ProcessPrivacy

/// `git-remote-restic REMOTE URL`: what git starts for a URL `restic::LOCATION`.
///
/// One thread does nearly everything; there is nothing here that Swift's concurrency would make better. Signals keep their
/// default action: however this process ends, the mount that it has started ends with it (`PrivateMount`).
@main
enum Program {
  /// git's own code for a fatal error.
  private static let fatal: Int32 = 128

  static func main() {
    StandardDescriptors.complete()
    ProcessPrivacy.begin()
    // A server that ends early is no reason to die before its report is read.
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
