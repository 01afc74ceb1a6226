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
    /// The system log.
    case system
  }

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

  /// Leaves the terminal: lines that went there go to the system log now. A log file stays.
  func leaveTerminal() {
    place.withLock { place in
      guard case .standardError = place else { return }
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
    switch place.withLock({ $0 }) {
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
