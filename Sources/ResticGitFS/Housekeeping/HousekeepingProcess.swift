import Glibc
import Platform
import ResticCore
import SystemPackage

/// A git program that works on a mount with the lowest priority. One thread starts it and waits for it.
///
/// The program gets only those variables of this process that it needs to be found, and only the configuration of its
/// `HousekeepingFolder`. It has its own process group, and the programs that it started end with it.
struct HousekeepingProcess {
  /// Why a program failed.
  struct Failure: Error, Sendable {
    /// The message, one line.
    let message: String
    /// Whether the program was stopped on request.
    let isStopped: Bool
  }

  private static let errorByteLimit = 4096
  /// Microseconds between two checks whether the program has ended.
  private static let pause: UInt32 = 5000
  /// How long the program may take to end after SIGTERM.
  private static let patience = Duration.seconds(5)
  /// The variables of this process that the program inherits: where programs and their libraries are.
  private static let inherited = ["PATH", "LD_LIBRARY_PATH"]

  /// Runs `git` with `arguments` on the repository that `folder` stands for, until git ends, `limit` has passed or
  /// `isStopping` returns true. Calls `started` with git's process group. Throws if git does not succeed.
  static func run(
    _ arguments: [String], on folder: HousekeepingFolder, limit: Duration?, isStopping: () -> Bool,
    started: (pid_t) -> Void
  ) throws(Failure) {
    try run(
      "git", settings.flatMap { ["-c", $0] } + arguments, environment: environment(folder), limit: limit,
      isStopping: isStopping, started: started)
  }

  /// Removes `paths` on the mount through the kernel, which then drops them from its cache as well.
  static func remove(_ paths: [FilePath]) throws(Failure) {
    guard !paths.isEmpty else { return }
    try run(
      "rm", ["-f", "--"], paths: paths, environment: variables, limit: nil, isStopping: { false }, started: { _ in })
  }

  /// The configuration comes from the folder; these settings limit what git does. git would have nothing to run,
  /// because there are no hooks. git makes a reverse index (`.rev`) itself when it needs one; a stored one would be one
  /// more file in a directory that each push stores.
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
    _ program: String, _ arguments: [String], paths: [FilePath] = [], environment: [String], limit: Duration?,
    isStopping: () -> Bool,
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
          program, arguments, paths: paths, variables: &words, files: [0: "/dev/null", 1: "/dev/null"],
          descriptors: [(2, pipe.writeEnd)], signals: .unblocked, leadsGroup: true, folder: "/",
          endsWith: .ofProcess)
      } catch {
        pipe.readEnd.closeQuietly()
        throw error
      }
      errorEnd = pipe.readEnd
      errors = PipeTail(of: errorEnd, byteLimit: errorByteLimit)
    } catch {
      throw Failure(message: "\(program) cannot be started: \(error)", isStopped: false)
    }
    // git has hardly begun, and its children inherit the priority. git reads and writes only the mount, so a disk
    // priority would have no effect.
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

  /// Why a program had to be stopped.
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
        // Children that git could not end itself.
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

  /// The subcommand, which follows the settings.
  private static func name(_ arguments: [String]) -> String {
    arguments.enumerated().first { index, word in
      !word.hasPrefix("-") && (index == 0 || arguments[index - 1] != "-c")
    }?.element ?? ""
  }
}
