import CLinux
import Glibc
import ProcessPrivacy
import ResticCore

/// The process: sets itself up, runs one command, and ends with its exit code.
///
/// The first thread takes signals and does nothing else; commands run on other threads. It cannot be left to Swift's
/// asynchronous `main`: that parks the first thread with every signal let through, and one would end the process.
/// Nothing may need the main actor, which has no thread here.
@main
enum Program {
  static func main() {
    ProcessPrivacy.begin()
    ProcessIdentity.setProgramName()
    let inheritedDescriptors = InheritedDescriptors.list()
    // Read once, before they are overwritten.
    let arguments = CommandLine.arguments
    // Buffers of megabytes go from thread to thread. With a heap for each thread, as is malloc's way, every one of them
    // keeps what it has once held: measured, twice the memory for the same work.
    mallopt(M_ARENA_MAX, 1)
    // Blobs that are read come and go by the MiB: from the heap, which keeps some, not from the system each time.
    mallopt(M_MMAP_THRESHOLD, 4 << 20)
    mallopt(M_TRIM_THRESHOLD, 8 << 20)
    if MemoryRoom.countsStacks { limitStacks() }

    let terminal = Terminal()
    let signals = SignalListener { _ in
      terminal.restore()
      _exit(ExitCode.interrupted.rawValue)
    }
    if let name = InvalidText.find() {
      StandardStream.error.write("restic-gitfs: \(name) is not UTF-8; use names that are\n")
      exit(ExitCode.failure.rawValue)
    }
    URLPassword.hideInArguments()
    let environment = Environment.current()
    let context = CommandContext(
      environment: environment, terminal: terminal, signals: signals,
      log: LogDestination(journalStream: environment[.journalStream]),
      inheritedDescriptors: inheritedDescriptors,
      arguments: GlobalOptionOrder.commandFirst(
        ResticSpelling.translated(Array(arguments.dropFirst()))))
    signals.listen {
      Task.detached { exit(await ResticGitFS.run(in: context).rawValue) }
    }
  }

  /// What the stack of a thread takes where all of it counts, used or not.
  static let stackByteCount = 2 << 20

  private static func limitStacks() {
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return }
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackByteCount)
    pthread_setattr_default_np(&attributes)
  }
}
