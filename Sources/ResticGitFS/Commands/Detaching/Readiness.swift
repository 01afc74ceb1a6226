import Glibc
import Platform
import ResticCore
import SystemPackage

/// The serving process's end of the pipe to the process that started it.
final class Readiness: Sendable {
  private let descriptor: FileDescriptor

  /// The inherited pipe at `descriptor`; no child inherits it further.
  init(descriptor: Int32) throws(CommandError) {
    guard descriptor > 2, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
      throw CommandError("--ready-fd is for restic-gitfs itself; leave it out")
    }
    self.descriptor = FileDescriptor(rawValue: descriptor)
  }

  /// Leaves the terminal permanently and tells the waiting process that the mount is ready. With `keepsStandardError`,
  /// standard error stays for warnings: a program that waits for the end of the mount anyway reads it. Otherwise lines
  /// go to the system log, or to `logFile` if there is none.
  ///
  /// In this order: once the other process has returned, nothing that happens on the terminal may reach this one.
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
    // A reader of an inherited pipe would otherwise wait as long as the mount lives.
    for inherited in context.inheritedDescriptors where inherited != descriptor.rawValue { close(inherited) }
    // A folder in use cannot be unmounted or removed.
    _ = chdir("/")
    // If the other process is gone, nobody is waiting, and the mount is ready nevertheless.
    signal(SIGPIPE, SIG_IGN)
    _ = try? descriptor.writeAll([1])
    descriptor.closeQuietly()
  }
}
