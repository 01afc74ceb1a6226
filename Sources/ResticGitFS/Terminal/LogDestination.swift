import Glibc
import Logging
import ResticCore
import SystemPackage

/// Where log lines go: standard error, a file or syslog; it can change while loggers are in use.
final class LogDestination: Sendable {
  /// A place for log lines.
  enum Place: Sendable {
    /// Standard error, as `restic-gitfs: message`.
    case standardError
    /// A file, opened for appending, one line each with time and level.
    case file(FileDescriptor)
    /// A file that is made when there is a first line.
    case fileOnDemand(FilePath)
    /// The system log.
    case system
  }

  private static let systemLogSocket = "/dev/log"
  private static let systemLogName: StaticString = "restic-gitfs"
  private let place = Locked<Place>(.standardError)

  /// From now on lines go to the end of the file at `path`, which is created for its owner only.
  func useFile(_ path: FilePath) throws(CommandError) {
    do throws(Errno) {
      let descriptor = try Errno.only {
        try FileDescriptor.open(
          path, .writeOnly, options: [.create, .append, .closeOnExec], permissions: [.ownerReadWrite])
      }
      place.withLock { $0 = .file(descriptor) }
    } catch {
      throw CommandError("the log file \(path) cannot be written: \(error)")
    }
  }

  /// Leaves the terminal: lines that went there go to the system log now, or to the end of the file `fallback` on a machine
  /// without a system log, as in most containers. A log file stays.
  func leaveTerminal(fallback: FilePath?) {
    let hasSystemLog = access(Self.systemLogSocket, F_OK) == 0
    place.withLock { place in
      guard case .standardError = place else { return }
      if !hasSystemLog, let fallback {
        place = .fileOnDemand(fallback)
        return
      }
      Self.systemLogName.withUTF8Buffer { name in
        // syslog keeps the pointer; a static string stays where it is.
        name.withMemoryRebound(to: CChar.self) { openlog($0.baseAddress, LOG_PID, LOG_DAEMON) }
      }
      place = .system
    }
  }

  /// A logger that writes here what is at least `level`.
  func makeLogger(level: Logger.Level) -> Logger {
    var logger = Logger(label: "restic-gitfs") { _ in DestinationLogHandler(destination: self) }
    logger.logLevel = level
    return logger
  }

  /// Writes one line.
  func write(level: Logger.Level, text: String) {
    switch openedPlace() {
    case .fileOnDemand:
      // The file cannot be made: there is no place for the line.
      break
    case .standardError:
      StandardStream.error.write("restic-gitfs: \(text)\n")
    case .file(let descriptor):
      // Nobody is left to be told that the log cannot be written.
      _ = try? descriptor.writeAll(Array("\(Timestamp.now().rfc3339) \(level) \(text)\n".utf8))
    case .system:
      text.withCString { text in
        withVaList([text]) { vsyslog(Self.priority(of: level), "%s", $0) }
      }
    }
  }

  /// The place for a line that is to be written now.
  private func openedPlace() -> Place {
    if case .fileOnDemand(let path) = place.withLock({ $0 }) {
      // Whoever is second opens the file again: lines are appended, so both descriptors are as good.
      try? useFile(path)
    }
    return place.withLock { $0 }
  }

  private static func priority(of level: Logger.Level) -> Int32 {
    switch level {
    case .trace, .debug: LOG_DEBUG
    case .info: LOG_INFO
    case .notice: LOG_NOTICE
    case .warning: LOG_WARNING
    case .error: LOG_ERR
    case .critical: LOG_CRIT
    }
  }
}
