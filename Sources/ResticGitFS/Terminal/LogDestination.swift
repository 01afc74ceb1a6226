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
    /// A file that is created for the first line.
    case fileOnDemand(FilePath)
    /// The system log.
    case system
  }

  private static let systemLogSocket = "/dev/log"
  private static let systemLogName: StaticString = "restic-gitfs"
  private let place = Locked<Place>(.standardError)
  private let chosenFormat = Locked(LogFormat.text)
  /// Whether standard error is connected to the journal.
  private let isJournal: Bool

  /// Lines go to standard error. `journalStream`: the value of JOURNAL_STREAM.
  init(journalStream: String? = nil) {
    isJournal = JournalStream.isConnected(journalStream)
  }

  /// The format of lines from now on.
  var format: LogFormat {
    get { chosenFormat.withLock { $0 } }
    set { chosenFormat.withLock { $0 = newValue } }
  }

  /// From now on, lines go to the end of the file at `path`, which is created for its owner only.
  func useFile(_ path: FilePath) throws(CommandError) {
    do throws(Errno) {
      let descriptor = try Errno.only {
        try FileDescriptor.open(
          path, .writeOnly, options: [.create, .append, .closeOnExec, .nonBlocking], permissions: [.ownerReadWrite])
      }
      place.withLock { $0 = .file(descriptor) }
    } catch {
      throw CommandError("the log file \(path) cannot be written: \(error)")
    }
  }

  /// Leaves the terminal: lines that went there now go to the system log, or to the end of the file `fallback` on a
  /// machine without a system log, as in most containers. A log file stays.
  func leaveTerminal(fallback: FilePath?) {
    let hasSystemLog = access(Self.systemLogSocket, F_OK) == 0
    place.withLock { place in
      guard case .standardError = place else { return }
      if !hasSystemLog, let fallback {
        place = .fileOnDemand(fallback)
        return
      }
      Self.systemLogName.withUTF8Buffer { name in
        // syslog keeps the pointer; a static string stays in place.
        name.withMemoryRebound(to: CChar.self) { openlog($0.baseAddress, LOG_PID, LOG_DAEMON) }
      }
      place = .system
    }
  }

  /// A logger that writes lines of at least `level` here.
  func makeLogger(level: Logger.Level) -> Logger {
    var logger = Logger(label: "restic-gitfs") { _ in DestinationLogHandler(destination: self) }
    logger.logLevel = level
    return logger
  }

  /// Whether log lines go to standard error.
  var showsLogOnTerminal: Bool {
    place.withLock { place in
      if case .standardError = place { return true }
      return false
    }
  }

  /// Prints `text` for a person on standard error, in the form of log lines there.
  func tell(_ text: String, level: Logger.Level) {
    let line = LogEntry(level: level, message: text)
    guard isJournal || format == .json else { return StandardStream.error.tell(text) }
    writeToStandardError(line)
  }

  /// Tells a program on standard error why this one ends.
  func tell(_ message: ExitMessage) {
    StandardStream.error.write("\(isJournal ? "<\(Logger.Level.error.priority)>" : "")\(message.json)\n")
  }

  /// Writes one line.
  func write(_ line: LogEntry) {
    switch openedPlace() {
    case .fileOnDemand:
      // The file cannot be created: the line is dropped.
      break
    case .standardError:
      writeToStandardError(line)
    case .file(let descriptor):
      // There is nobody to tell that the log cannot be written.
      _ = try? descriptor.writeAll(Array("\(line.complete(format))\n".utf8))
    case .system:
      line.short(format).withCString { text in
        withVaList([text]) { vsyslog(line.level.priority, "%s", $0) }
      }
    }
  }

  /// The journal knows the program's name, and takes the priority from the prefix.
  private func writeToStandardError(_ line: LogEntry) {
    let text = line.short(format)
    let start = isJournal ? "<\(line.level.priority)>" : format == .json ? "" : "restic-gitfs: "
    StandardStream.error.write("\(start)\(text)\n")
  }

  /// The destination of the next line.
  private func openedPlace() -> Place {
    if case .fileOnDemand(let path) = place.withLock({ $0 }) {
      // If two threads open the file, both descriptors are equally good, because lines are appended.
      try? useFile(path)
    }
    return place.withLock { $0 }
  }
}
