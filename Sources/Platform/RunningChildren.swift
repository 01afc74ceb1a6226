internal import Glibc
internal import SystemPackage

/// The running programs that end with this process, even those that ignore the end of their input. `ChildProcess` adds
/// and removes them.
///
/// `state` is a leaf lock. It is held while a signal is sent and while a program is waited for whose end is known, so no
/// number belongs to another process by then. It is not held while a program starts, which a slow disk may delay.
public final class RunningChildren: Sendable {
  private struct State {
    /// The programs, and whether each leads a process group.
    var programs: [pid_t: Bool] = [:]
    /// How many programs are being started.
    var startingCount = 0
    var isOver = false
  }

  /// Those of this process. exit(3) ends them; call `leave` in the place of _exit(2).
  public static let ofProcess: RunningChildren = {
    // Without memory for the handler, such a program stays behind.
    atexit { RunningChildren.ofProcess.end() }
    return RunningChildren()
  }()

  private let state = Locked(State())

  /// How long a program may take to end after SIGTERM. Whoever ends this process is waiting.
  private static let patience = Duration.milliseconds(500)
  /// The time between two looks whether any are left, in microseconds.
  private static let pause: UInt32 = 1000

  /// None.
  public init() {}

  /// Ends the programs of this process, and the process itself with `code`, at once: without the handlers of exit(3).
  public static func leave(_ code: Int32) -> Never {
    ofProcess.end()
    _exit(code)
  }

  /// Asks all programs to end, and kills those that do not. Returns when they have ended, or soon. No program starts
  /// from now on.
  public func end() {
    state.withLock { $0.isOver = true }
    endPresent()
  }

  /// As `end`, but other programs may start.
  public func endPresent() {
    send(SIGTERM)
    let deadline = ContinuousClock.now.advanced(by: Self.patience)
    while state.withLock({ !$0.programs.isEmpty || $0.startingCount > 0 }), ContinuousClock.now < deadline {
      usleep(Self.pause)
    }
    send(SIGKILL)
  }

  /// The number of the program that `start` starts. `leadsGroup`: that is also the number of its process group.
  /// Throws `.canceled` once the end has begun.
  func starting(leadsGroup: Bool, _ start: () throws(Errno) -> pid_t) throws(Errno) -> pid_t {
    let isOver = state.withLock { state in
      if !state.isOver { state.startingCount += 1 }
      return state.isOver
    }
    guard !isOver else { throw .canceled }
    do throws(Errno) {
      let process = try start()
      state.withLock { state in
        state.startingCount -= 1
        state.programs[process] = leadsGroup
        // The end has begun meanwhile, and has asked all others.
        if state.isOver { kill(leadsGroup ? -process : process, SIGTERM) }
      }
      return process
    } catch {
      state.withLock { $0.startingCount -= 1 }
      throw error
    }
  }

  /// The result of `reap`, which waits for the end of `process`. That end is known, so `reap` takes no time.
  func remove(_ process: pid_t, _ reap: () -> Void) {
    state.withLock { state in
      state.programs[process] = nil
      reap()
    }
  }

  private func send(_ signal: Int32) {
    state.withLock { state in
      for (process, leadsGroup) in state.programs { kill(leadsGroup ? -process : process, signal) }
    }
  }
}
