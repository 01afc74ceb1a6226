import Glibc
import Platform
import ResticCore
import SystemPackage

/// The serving process's end of the pipe to the process that started it.
final class Readiness: Sendable {
  private let descriptor: FileDescriptor

  /// The pipe at `descriptor`, which was inherited; no child inherits it further.
  init(descriptor: Int32) throws(CommandError) {
    guard descriptor > 2, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
      throw CommandError("--ready-fd is for restic-gitfs itself; leave it out")
    }
    self.descriptor = FileDescriptor(rawValue: descriptor)
  }

  /// Leaves the terminal for good and tells the waiting process that the mount is ready. With `keepsStandardError` that one
  /// stays, for warnings: its other end is a program's that waits for the end of the mount anyway. Without it lines go to
  /// the system log, or to `logFile` where there is none.
  ///
  /// In this order: once the other has returned, nothing that happens on the terminal may reach this process.
  func report(in context: CommandContext, keepsStandardError: Bool, logFile: FilePath?) throws(CommandError) {
    if !keepsStandardError { context.log.leaveTerminal(fallback: logFile) }
    setsid()
    do throws(Errno) {
      try Errno.only {
        let nothing = try FileDescriptor.open("/dev/null", .readWrite)
        let others: [FileDescriptor] = keepsStandardError ? [] : [.standardError]
        for standard in [.standardInput, .standardOutput] + others {
          _ = try nothing.duplicate(as: standard)
        }
        if nothing.rawValue > 2 { try nothing.close() }
      }
    } catch {
      throw CommandError("cannot detach from the terminal: \(error)")
    }
    // Whoever reads from a pipe that was handed down would wait for as long as the mount lives.
    for inherited in context.inheritedDescriptors where inherited != descriptor.rawValue { close(inherited) }
    // A folder that is in use cannot be unmounted or removed.
    _ = chdir("/")
    // If the other process is gone nobody is waiting, and the mount is ready all the same.
    signal(SIGPIPE, SIG_IGN)
    _ = try? descriptor.writeAll([1])
    descriptor.closeQuietly()
  }
}
