import Glibc
import Platform
import SystemPackage

/// Starts the process that serves a mount, and waits until it is ready or has failed.
///
/// This program never forks: the other process is this program again, with the same arguments and `--ready-fd N`. It
/// keeps the terminal for its questions and messages until it is ready. Then it writes one byte to descriptor N; if it
/// ends without that, its exit code is passed on.
enum DetachedMount {
  /// Runs `mount` with the arguments of `context` in a new process. Returns this process's exit code.
  static func start(in context: CommandContext) throws -> ExitCode {
    let pipe = try FileDescriptor.pipe()
    defer { pipe.readEnd.closeQuietly() }
    // Only this process's end: the other process must inherit the other end.
    _ = fcntl(pipe.readEnd.rawValue, F_SETFD, FD_CLOEXEC)

    let child: ChildProcess
    do throws(CommandError) {
      child = try spawn(arguments: arguments(context.arguments, readyDescriptor: pipe.writeEnd.rawValue))
    } catch {
      pipe.writeEnd.closeQuietly()
      throw error
    }
    // The other process has its own copy, and this one waits while the other asks and opens.
    _ = Environment.takePassword()
    try pipe.writeEnd.close()
    // Signals are blocked here and in the new process, so none is lost meanwhile. Those of the terminal reach the other
    // process anyway.
    context.signals.onSignal { [process = child.processID] in if !$0.isFromTerminal { kill(process, $0.number) } }

    var byte: UInt8 = 0
    let count = try withUnsafeMutableBytes(of: &byte) { try pipe.readEnd.read(into: $0) }
    return count == 1 ? .success : exitCode(of: child, in: context)
  }

  /// `arguments`, whose first is `mount`, for the new process.
  static func arguments(_ arguments: [String], readyDescriptor: Int32) -> [String] {
    Array(arguments.prefix(1)) + ["--ready-fd", String(readyDescriptor)] + arguments.dropFirst()
  }

  /// The name that ps(1) shows. It is not the name for mount(8), because the arguments are no longer those of mount(8).
  private static var name: String {
    let name = CommandLine.arguments.first ?? CalledProgram.commandLine.rawValue
    return CalledProgram(called: name) == .commandLine ? name : CalledProgram.commandLine.rawValue
  }

  private static func spawn(arguments: [String]) throws(CommandError) -> ChildProcess {
    do throws(Errno) {
      return try ChildProcess.start(
        "/proc/self/exe", arguments, name: name, signals: .inherited)
    } catch {
      throw CommandError("the process for the mount cannot be started: \(error)")
    }
  }

  /// The exit code for `child`, which ended before it was ready.
  private static func exitCode(of child: ChildProcess, in context: CommandContext) -> ExitCode {
    switch child.wait() {
    case nil: return .failure
    case .exited(let code): return ExitCode(rawValue: code) ?? .failure
    case .killed(let signal):
      // The child may have been killed at the prompt, with echo off.
      context.terminal.restoreEcho()
      guard ![SIGINT, SIGTERM, SIGHUP].contains(signal) else { return .interrupted }
      context.fail(
        "the process for the mount was killed by signal \(signal) before it was ready; `mount --foreground -vv` shows more",
        .failure)
      return .failure
    }
  }
}
