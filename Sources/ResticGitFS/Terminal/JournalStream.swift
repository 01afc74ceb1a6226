import Glibc
import Logging

/// Whether standard error is connected to systemd's journal, which takes a line's priority from a prefix `<N>`.
/// Source: systemd.exec(5), `$JOURNAL_STREAM`; sd-daemon(3).
enum JournalStream {
  /// Whether `descriptor` is the stream that `variable`, the value of JOURNAL_STREAM, names: `DEVICE:INODE` in decimal.
  /// A program with another standard error inherits the variable too.
  static func isConnected(_ variable: String?, descriptor: Int32 = STDERR_FILENO) -> Bool {
    guard let variable else { return false }
    var attributes = stat()
    guard fstat(descriptor, &attributes) == 0 else { return false }
    return variable == "\(attributes.st_dev):\(attributes.st_ino)"
  }
}

extension Logger.Level {
  /// The priority of syslog(3), which the journal also uses.
  var priority: Int32 {
    switch self {
    case .trace, .debug: LOG_DEBUG
    case .info: LOG_INFO
    case .notice: LOG_NOTICE
    case .warning: LOG_WARNING
    case .error: LOG_ERR
    case .critical: LOG_CRIT
    }
  }
}
