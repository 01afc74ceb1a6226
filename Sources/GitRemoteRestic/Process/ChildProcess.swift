import Glibc
import SystemPackage

/// Another program that this one started and waits for. Not safe from several threads at once.
final class ChildProcess {
  /// How a process ended.
  enum End: Hashable, Sendable {
    case exited(Int32)
    case killed(signal: Int32)
  }

  /// Its process id.
  let processID: pid_t
  private var end: End?

  private init(processID: pid_t) {
    self.processID = processID
  }

  /// Starts `program`: a path, or a name that is looked up in PATH. It gets our standard streams, but for those that
  /// `descriptors` replaces (theirs: ours); no other descriptor of ours is handed on.
  static func start(
    _ program: String, _ arguments: [String], environment: ProcessEnvironment,
    descriptors: KeyValuePairs<Int32, FileDescriptor> = [:]
  ) throws(HelperError) -> ChildProcess {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (theirs, ours) in descriptors {
      // With the same number on both sides this takes close-on-exec away.
      posix_spawn_file_actions_adddup2(&actions, ours.rawValue, theirs)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))

    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for string in words { free(string) } }
    var child = pid_t()
    let result = environment.withWords { variables in
      posix_spawnp(&child, program, &actions, &attributes, &words, &variables)
    }
    guard result == 0 else { throw HelperError("\(program) cannot be started: \(Errno(rawValue: result))") }
    return ChildProcess(processID: child)
  }

  /// Waits for its end.
  @discardableResult
  func wait() -> End {
    look(options: 0)
    return end ?? .exited(0)
  }

  /// How it ended, if it has.
  func endIfOver() -> End? {
    look(options: WNOHANG)
    return end
  }

  private func look(options: Int32) {
    guard end == nil else { return }
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
