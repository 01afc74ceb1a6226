import CLinux
import Glibc
import Logging
import Platform
import ProcessPrivacy
import ResticCore

/// The process: sets itself up, runs one command, and ends with its exit code.
///
/// The first thread only takes signals; commands run on other threads. Swift's asynchronous `main` cannot do this: it
/// parks the first thread with all signals unblocked, and a signal would end the process. No code may need the main
/// actor, which has no thread here.
@main
enum Program {
  static func main() {
    StandardDescriptors.complete()
    ProcessPrivacy.begin()
    ChildProcess.expectEnds()
    ProcessIdentity.setProgramName()
    let inheritedDescriptors = InheritedDescriptors.list()
    let notifySocket = NotifySocket.take()
    // Read once, before the arguments are overwritten.
    let called = CalledProgram(called: CommandLine.arguments.first ?? "")
    let givenArguments = Array(CommandLine.arguments.dropFirst())
    // Buffers of megabytes move between threads. With malloc's default of a heap for each thread, each heap keeps what
    // it once held: measured, twice the memory for the same work.
    mallopt(M_ARENA_MAX, 1)
    // Blobs that are read are allocated and freed by the MiB: take them from the heap, which keeps some, instead of
    // from the system each time.
    mallopt(M_MMAP_THRESHOLD, 4 << 20)
    mallopt(M_TRIM_THRESHOLD, 8 << 20)
    if MemoryRoom.countsStacks { limitStacks() }

    let terminal = Terminal()
    let log = LogDestination(journalStream: Environment.current()[.journalStream])
    let isJSONWanted = ExitMessage.isWanted(by: givenArguments)
    let signals = SignalListener { _ in
      terminal.restore()
      if isJSONWanted { log.tell(ExitMessage("interrupted by a signal", code: ExitCode.interrupted.rawValue)) }
      RunningChildren.leave(ExitCode.interrupted.rawValue)
    }
    if let name = InvalidText.find() {
      let message = "\(name) is not UTF-8; use names that are"
      if isJSONWanted {
        log.tell(ExitMessage(message, code: ExitCode.failure.rawValue))
      } else {
        log.tell(message, level: .error)
      }
      exit(ExitCode.failure.rawValue)
    }
    URLPassword.hideInArguments()
    let arguments = ownArguments(givenArguments, of: called)
    let environment = Environment.current()
    let context = CommandContext(
      environment: environment, terminal: terminal, signals: signals,
      log: log,
      inheritedDescriptors: inheritedDescriptors, notifySocket: notifySocket,
      arguments: GlobalOptionOrder.commandFirst(ResticSpelling.translated(arguments)))
    signals.listen {
      Task.detached { exit(called.exitCode(await ResticGitFS.run(in: context))) }
    }
  }

  /// The arguments of restic-gitfs that correspond to `arguments` of the program `called`. Applies the other user and
  /// the variables that they request. Ends the process if there is nothing to do, or if the arguments cannot be
  /// understood.
  private static func ownArguments(_ arguments: [String], of called: CalledProgram) -> [String] {
    do throws(CommandError) {
      let request: FstabMount
      switch called {
      case .commandLine: return arguments
      case .mount: request = try .mounting(arguments)
      case .unmount: request = try .unmounting(arguments)
      }
      if request.isFake { exit(ExitCode.success.rawValue) }
      if let folder = request.ownedFolder { try OtherUser.becomeOwner(of: folder) }
      if let user = request.user { try OtherUser.become(user) }
      for (name, value) in request.variables { setenv(name, value, 1) }
      return request.arguments
    } catch {
      StandardStream.error.tell(error.description)
      exit(called.usageCode)
    }
  }

  /// The size of a thread's stack where all of it counts, used or not.
  static let stackByteCount = 2 << 20

  private static func limitStacks() {
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return }
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackByteCount)
    pthread_setattr_default_np(&attributes)
  }
}
