internal import CLinux
internal import Glibc
internal import Logging
internal import Platform
internal import SystemPackage

/// A program that serves a storage through its standard input and output, for as long as it is needed.
///
/// 1. The program has a process group of its own, so that Ctrl-C does not end it before this process, and gets no
///    RESTIC_ variables. Until `becomeReady` it has the terminal, if there is one.
/// 2. Its standard error is logged, and the last lines are kept for messages.
/// 3. A thread of its own always waits for its end (no zombie stays).
/// 4. `end` asks it to end by closing its input, and kills it with its group if it does not end in time. If this
///    process is killed, the program's input ends; if it exits, the program is ended as well (`RunningChildren`).
///
/// `input` and `output` belong to the creator of the service, who calls `end` once. Everything else belongs to the
/// keeper. Source for the first rule: restic, internal/terminal/foreground_unix.go.
final class ChildService: Sendable {
  /// What happened to the program.
  struct End: Sendable {
    /// How it ended; nil if the system does not report it.
    let status: ChildProcess.End?
    /// Its last words, printable and without secrets; empty if there were none.
    let lastWords: String
    /// Whether it had the terminal, and so received a Ctrl-C alone.
    let hadTerminal: Bool
  }

  /// Its standard input: this process's end of the pipe, which never blocks.
  let input: FileDescriptor
  /// Its standard output: this process's end of the pipe, which never blocks.
  let output: FileDescriptor
  /// Its process, and the process group that it leads.
  let processID: pid_t
  private let terminal: Locked<TerminalForeground?>
  private let keeper: ServiceKeeper

  /// The size of the pipes where the system allows it; the default of 64 KiB means more context switches.
  private static let pipeByteCount: Int32 = 1 << 20
  /// F_SETPIPE_SZ, which Swift does not import. Source: linux/fcntl.h.
  private static let setPipeByteCount: Int32 = 1031

  /// Starts the program of `command`. Call it on a thread that blocks all signals (`PlainThread`); call `becomeReady`
  /// and `end` on the same thread.
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
    // A folder that is gone is of no use to the program, and need not matter.
    let folder = command.folder.flatMap { access($0.string, X_OK) == 0 ? $0 : nil }
    let hidden = InheritedVariables.names(beginningWith: "RESTIC_").map { ($0, String?.none) }
    return try InheritedVariables.with(Dictionary(hidden) { first, _ in first }) { variables throws(Errno) in
      try ChildProcess.start(
        command.words[0], Array(command.words.dropFirst()), variables: variables, descriptors: descriptors,
        signals: .unblocked, leadsGroup: true, folder: folder, endsWith: .ofProcess)
    }
  }

  /// Whether it has the terminal, and may be asking a person.
  var hasTerminal: Bool { terminal.withLock { $0 != nil } }

  /// The program has begun to serve: it asks nothing more, and this process takes the terminal back.
  func becomeReady() {
    terminal.withLock { $0.take() }?.takeBack()
  }

  /// The last lines that it wrote to standard error since `start`, without secrets; empty if there are none.
  func lastWords(since start: ContinuousClock.Instant) -> String { keeper.lastWords(since: start) }

  /// Makes it end within `grace`. Calls `then` with its end, on a thread of its own.
  func end(grace: Duration, _ then: @escaping @Sendable (End) -> Void) {
    becomeReady()
    input.closeQuietly()
    output.closeQuietly()
    keeper.end(grace: grace, then)
  }
}
