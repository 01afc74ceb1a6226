import Glibc
import Platform
import ResticCore
import SystemPackage

/// A program of git's at work on a mount, with the lowest priority. One thread starts it and waits for it.
///
/// It gets no variable of ours but those that a program needs to be found, and no configuration but that of its
/// `HousekeepingFolder`. It has a process group, and takes with it what it has started.
struct HousekeepingProcess {
  /// How a program ended that did not do its work.
  struct Failure: Error, Sendable {
    /// One line.
    let message: String
    /// Whether it was stopped because somebody asked for that.
    let isStopped: Bool
  }

  private static let errorByteLimit = 4096
  /// How often its end is looked for.
  private static let pause: UInt32 = 5000
  /// How long it may take to end after SIGTERM.
  private static let patience = Duration.seconds(5)
  /// Of ours, what is handed on: where programs and their libraries are.
  private static let inherited = ["PATH", "LD_LIBRARY_PATH"]

  /// Runs `git` with `arguments` on the repository that `folder` stands for, until it ends, `limit` has passed or `isStopping`.
  /// `started` is told its process group. Throws where it does not succeed.
  static func run(
    _ arguments: [String], on folder: HousekeepingFolder, limit: Duration?, isStopping: () -> Bool,
    started: (pid_t) -> Void
  ) throws(Failure) {
    try run(
      "git", settings.flatMap { ["-c", $0] } + arguments, environment: environment(folder), limit: limit,
      isStopping: isStopping, started: started)
  }

  /// Takes away `paths` on the mount: through the kernel, which then forgets them as well.
  static func remove(_ paths: [String]) throws(Failure) {
    guard !paths.isEmpty else { return }
    try run("rm", ["-f", "--"] + paths, environment: variables, limit: nil, isStopping: { false }, started: { _ in })
  }

  /// The configuration is that of the folder; these keep git within bounds. Nothing of it could be run: there are no hooks. What a
  /// reverse index (`.rev`) tells git makes itself when it needs it; each is one more file in a directory that each push stores.
  private static let settings = [
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false", "protocol.allow=never",
    "pack.writeReverseIndex=false", "pack.threads=1", "pack.windowMemory=64m", "pack.deltaCacheSize=32m",
    "core.packedGitLimit=64m",
  ]

  private static var variables: [String] {
    inherited.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } } + ["LC_ALL=C"]
  }

  private static func environment(_ folder: HousekeepingFolder) -> [String] {
    variables + [
      "GIT_DIR=\(folder.path)", "TMPDIR=\(folder.path)", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none",
    ]
  }

  private static func run(
    _ program: String, _ arguments: [String], environment: [String], limit: Duration?, isStopping: () -> Bool,
    started: (pid_t) -> Void
  ) throws(Failure) {
    var errors: PipeTail
    let errorEnd: FileDescriptor
    let child: ChildProcess
    do throws(Errno) {
      let pipe = try Pipe()
      defer { pipe.writeEnd.closeQuietly() }
      var words: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
      defer { for word in words { free(word) } }
      do throws(Errno) {
        child = try ChildProcess.start(
          program, arguments, variables: &words, files: [0: "/dev/null", 1: "/dev/null"],
          descriptors: [(2, pipe.writeEnd)], signals: .unblocked, leadsGroup: true, folder: "/")
      } catch {
        pipe.readEnd.closeQuietly()
        throw error
      }
      errorEnd = pipe.readEnd
      errors = PipeTail(of: errorEnd, byteLimit: errorByteLimit)
    } catch {
      throw Failure(message: "\(program) cannot be started: \(error)", isStopped: false)
    }
    // It has hardly begun, and what it starts inherits that. It reads and writes nothing but the mount, so there is no use in a
    // priority for disks.
    setpriority(__priority_which_t(PRIO_PGRP.rawValue), id_t(child.processID), 19)
    started(child.processID)

    let (end, reason) = wait(for: child, limit, isStopping, &errors)
    let message = String(decoding: errors.bytes, as: UTF8.self)
    errorEnd.closeQuietly()
    guard end != .exited(0) else { return }
    let last = message.split(separator: "\n").last.map { ": \($0)" } ?? ""
    let call = "\(program) \(name(arguments))"
    switch reason {
    case .stopped: throw Failure(message: "stopped before its end", isStopped: true)
    case .overdue: throw Failure(message: "\(call) took too long, and was ended", isStopped: false)
    case nil: throw Failure(message: "\(call) failed (\(end))\(last)", isStopped: false)
    }
  }

  /// Why a program had to end.
  private enum Reason {
    case stopped
    case overdue
  }

  /// Waits for the end of `child`, and meanwhile reads `errors`. A process that has left its group is not waited for, even if it
  /// keeps the pipe open.
  private static func wait(
    for child: ChildProcess, _ limit: Duration?, _ isStopping: () -> Bool, _ errors: inout PipeTail
  ) -> (ChildProcess.End, Reason?) {
    let begin = ContinuousClock.now
    var asked: ContinuousClock.Instant?
    var reason: Reason?
    while true {
      if let end = child.endIfOver() {
        // What it has started, where it could not end that itself.
        kill(-child.processID, SIGKILL)
        errors.read()
        return (end, reason)
      }
      errors.read()
      if let asked {
        if asked.duration(to: .now) > patience { kill(-child.processID, SIGKILL) }
      } else {
        if isStopping() { reason = .stopped }
        if reason == nil, let limit, begin.duration(to: .now) > limit { reason = .overdue }
        if reason != nil {
          asked = .now
          kill(-child.processID, SIGTERM)
        }
      }
      usleep(pause)
    }
  }

  /// The subcommand, behind the settings.
  private static func name(_ arguments: [String]) -> String {
    arguments.enumerated().first { index, word in
      !word.hasPrefix("-") && (index == 0 || arguments[index - 1] != "-c")
    }?.element ?? ""
  }
}
