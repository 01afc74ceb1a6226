internal import CLinux
internal import Glibc
internal import Logging
internal import Platform
internal import SystemPackage

/// A program that serves a storage through its standard input and output, for as long as somebody needs it.
///
/// 1. It has a process group of its own, so that Ctrl-C does not end it before us, and it gets none of our RESTIC_ variables.
///    Until `becomeReady` it has the terminal, where we have one.
/// 2. What it writes to standard error is logged, and the last lines are kept for messages.
/// 3. It is waited for whatever becomes of it (no zombie stays), by a thread of its own.
/// 4. After `end` it is asked to go by the end of its input, and is killed with its group when it has not gone in time. When we
///    die, it sees the end of its input as well.
///
/// `input` and `output` belong to whoever made the service, who is the one to call `end`, once. Everything else is the
/// keeper's. Source for the first rule: restic, internal/terminal/foreground_unix.go.
final class ChildService: Sendable {
  /// What became of it.
  struct End: Sendable {
    /// How it ended; nil where the system does not tell.
    let status: ChildProcess.End?
    /// Its last words, printable and without secrets; empty where it had none.
    let lastWords: String
    /// Whether it had the terminal, and so a Ctrl-C was for it alone.
    let hadTerminal: Bool
  }

  /// What it reads: our end of the pipe, which never blocks.
  let input: FileDescriptor
  /// What it writes: our end of the pipe, which never blocks.
  let output: FileDescriptor
  /// Its process, and the process group that it leads.
  let processID: pid_t
  private let terminal: Locked<TerminalForeground?>
  private let keeper: ServiceKeeper

  /// Pipes hold so much where the system allows it; its own 64 KiB mean more switches between the processes.
  private static let pipeByteCount: Int32 = 1 << 20
  /// F_SETPIPE_SZ, which Swift does not import. Source: linux/fcntl.h.
  private static let setPipeByteCount: Int32 = 1031

  /// Starts the program of `command`. Call it on a thread that blocks all signals (`PlainThread`), which `becomeReady` and `end`
  /// are called on, too.
  init(_ command: ServiceCommand, logger: Logger) throws(Errno) {
    let pipes = try Pipe.several(3)
    let (requests, answers, errors) = (pipes[0], pipes[1], pipes[2])
    let child: ChildProcess
    do throws(Errno) {
      defer { for end in [requests.readEnd, answers.writeEnd, errors.writeEnd] { end.closeQuietly() } }
      child = try Self.start(
        command,
        [(STDIN_FILENO, requests.readEnd), (STDOUT_FILENO, answers.writeEnd), (STDERR_FILENO, errors.writeEnd)])
    } catch {
      for end in [requests.writeEnd, answers.readEnd, errors.readEnd] { end.closeQuietly() }
      throw error
    }
    let foreground = TerminalForeground(lentTo: child.processID)
    let keeper: ServiceKeeper
    do throws(Errno) {
      keeper = try ServiceKeeper(
        child, errors: errors.readEnd, command: command, hadTerminal: foreground != nil, logger: logger)
    } catch {
      foreground?.takeBack()
      kill(-child.processID, SIGKILL)
      child.wait()
      for end in [requests.writeEnd, answers.readEnd, errors.readEnd] { end.closeQuietly() }
      throw error
    }
    (input, output, processID) = (requests.writeEnd, answers.readEnd, child.processID)
    terminal = Locked(foreground)
    self.keeper = keeper
    for end in [input, output] {
      _ = fcntl(end.rawValue, Self.setPipeByteCount, Self.pipeByteCount)
      _ = fcntl(end.rawValue, F_SETFL, O_NONBLOCK)
    }
  }

  private static func start(
    _ command: ServiceCommand, _ descriptors: [(Int32, FileDescriptor)]
  ) throws(Errno) -> ChildProcess {
    // One that is gone is of no use to it, and need not matter.
    let folder = command.folder.flatMap { access($0.string, X_OK) == 0 ? $0 : nil }
    let hidden = InheritedVariables.names(beginningWith: "RESTIC_").map { ($0, String?.none) }
    return try InheritedVariables.with(Dictionary(hidden) { first, _ in first }) { variables throws(Errno) in
      try ChildProcess.start(
        command.words[0], Array(command.words.dropFirst()), variables: variables, descriptors: descriptors,
        signals: .unblocked, leadsGroup: true, folder: folder)
    }
  }

  /// Whether it has the terminal, and may be asking somebody.
  var hasTerminal: Bool { terminal.withLock { $0 != nil } }

  /// It has begun to serve: it asks nobody anything any more, and the terminal is ours again.
  func becomeReady() {
    terminal.withLock { $0.take() }?.takeBack()
  }

  /// What it has written to standard error since `start`: its last lines, without secrets; empty for nothing.
  func lastWords(since start: ContinuousClock.Instant) -> String { keeper.lastWords(since: start) }

  /// Has it go within `grace`. `then` hears what became of it, on a thread of its own.
  func end(grace: Duration, _ then: @escaping @Sendable (End) -> Void) {
    becomeReady()
    input.closeQuietly()
    output.closeQuietly()
    keeper.end(grace: grace, then)
  }
}
