public import Glibc
public import SystemPackage

/// Another program that this process has started and waits for. Not safe from several threads at once.
///
/// swift-subprocess does not fit: it copies a program's output, which may be a password, into buffers of its own; and
/// it passes no descriptors on, which `mount` needs.
public final class ChildProcess {
  /// How a process ended.
  public enum End: Hashable, Sendable {
    case exited(Int32)
    case killed(signal: Int32)
  }

  /// The signal actions with which a program begins.
  public enum Signals: Sendable {
    /// The program blocks and ignores the signals that the calling thread blocks and ignores.
    case inherited
    /// As `inherited`, but SIGPIPE ends the program.
    case endedByPipe
    /// The program blocks no signals, and SIGPIPE ends it.
    case unblocked
  }

  /// Variables as exec(2) takes them: pointers to `NAME=value`, then nil.
  public typealias Variables = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

  /// The child's process id; valid until the child has been waited for.
  public let processID: pid_t
  private var end: End?
  /// Where it is noted while it runs; nil if it may outlive this process.
  private let siblings: RunningChildren?

  private init(processID: pid_t, siblings: RunningChildren?) {
    self.processID = processID
    self.siblings = siblings
  }

  /// Starts `program`: a path, or a name that is looked up in PATH. `name` is the program's `argv[0]`. `paths` are
  /// further arguments, of any bytes.
  ///
  /// The program gets this process's standard streams. `files`, which are opened to read and write, and then
  /// `descriptors` replace them (child's number: own descriptor). Of the other descriptors the program gets only those
  /// without close-on-exec. `leadsGroup`: the program has a process group of its own, whose number is `processID`.
  /// `folder`: its working directory, if different from this process's; relative paths among the other arguments count
  /// from there. `siblings`: the programs with which it ends, at the latest when this process ends; nil: it may outlive
  /// this process.
  public static func start(
    _ program: String, _ arguments: [String], paths: [FilePath] = [], name: String? = nil, variables: Variables? = nil,
    files: [Int32: FilePath] = [:], descriptors: [(Int32, FileDescriptor)] = [],
    signals: Signals, leadsSession: Bool = false, leadsGroup: Bool = false, folder: FilePath? = nil,
    endsWith siblings: RunningChildren? = nil
  ) throws(Errno) -> ChildProcess {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let folder { SpawnFolder.set(folder, in: &actions) }
    for (theirs, file) in files { posix_spawn_file_actions_addopen(&actions, theirs, file.string, O_RDWR, 0) }
    for (theirs, ours) in descriptors {
      // If both numbers are the same, this clears close-on-exec.
      posix_spawn_file_actions_adddup2(&actions, ours.rawValue, theirs)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    set(signals, leadsSession: leadsSession, leadsGroup: leadsGroup, in: &attributes)

    var words: [UnsafeMutablePointer<CChar>?] =
      ([name ?? program] + arguments).map { strdup($0) } + paths.map { $0.withPlatformString { strdup($0) } } + [nil]
    defer { for string in words { free(string) } }
    func spawn() throws(Errno) -> pid_t {
      var child = pid_t()
      let result = posix_spawnp(&child, program, &actions, &attributes, &words, variables ?? environ)
      guard result == 0 else { throw Errno(rawValue: result) }
      return child
    }
    guard let siblings else { return ChildProcess(processID: try spawn(), siblings: nil) }
    let child = try siblings.starting(leadsGroup: leadsGroup || leadsSession, spawn)
    return ChildProcess(processID: child, siblings: siblings)
  }

  /// Makes the system report how children end, also if this process was started with SIGCHLD ignored, as some services
  /// start programs. Programs that this process starts inherit that. Call it while there is one thread.
  public static func expectEnds() {
    signal(SIGCHLD, SIG_DFL)
  }

  /// Waits for the program's end. Returns nil if the system does not report it (`expectEnds`).
  @discardableResult
  public func wait() -> End? {
    look(options: 0)
    return end
  }

  /// How the program ended; nil while it runs.
  public func endIfOver() -> End? {
    look(options: WNOHANG)
    return end
  }

  /// Starts a thread that waits for the program's end, for a program that nobody else waits for: it does not stay a
  /// zombie. If no thread can be started, the zombie stays until this process ends.
  func leave() {
    // The only error is that there is no memory for a thread. A zombie costs one entry in the process table.
    try? PlainThread.start { [processID, siblings] in
      ChildProcess(processID: processID, siblings: siblings).wait()
    }
  }

  private static func set(
    _ signals: Signals, leadsSession: Bool, leadsGroup: Bool, in attributes: inout posix_spawnattr_t
  ) {
    var flags: Int32 = 0
    if signals != .inherited {
      var pipe = sigset_t()
      sigemptyset(&pipe)
      sigaddset(&pipe, SIGPIPE)
      posix_spawnattr_setsigdefault(&attributes, &pipe)
      flags |= POSIX_SPAWN_SETSIGDEF
    }
    if signals == .unblocked {
      var none = sigset_t()
      sigemptyset(&none)
      posix_spawnattr_setsigmask(&attributes, &none)
      flags |= POSIX_SPAWN_SETSIGMASK
    }
    // POSIX_SPAWN_SETSID, which Swift does not import.
    if leadsSession { flags |= 0x80 }
    if leadsGroup {
      posix_spawnattr_setpgroup(&attributes, 0)
      flags |= POSIX_SPAWN_SETPGROUP
    }
    posix_spawnattr_setflags(&attributes, Int16(flags))
  }

  private func look(options: Int32) {
    guard end == nil else { return }
    guard let siblings else { return reap(options: options) }
    // Waits for the end alone: once the program has been waited for, its number may be another process's.
    var information = siginfo_t()
    while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT | options) != 0 {
      guard errno == EINTR else { break }
    }
    // The number of a signal is set if the program has ended. If the system does not report ends, that is found out
    // below.
    guard options & WNOHANG == 0 || information.si_signo != 0 || !exists else { return }
    siblings.remove(processID) { reap(options: options) }
  }

  private var exists: Bool { kill(processID, 0) == 0 || errno != ESRCH }

  private func reap(options: Int32) {
    var status: Int32 = 0
    while true {
      let result = waitpid(processID, &status, options)
      if result == processID {
        let signal = status & 0x7F
        end = signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
        return
      }
      guard result < 0, errno == EINTR else { return }
    }
  }
}
