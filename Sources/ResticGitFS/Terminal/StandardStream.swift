import Glibc
import MessageText
import ResticCore
import SystemPackage

/// Standard output and standard error, written at once and without a buffer, which a sudden end could lose.
enum StandardStream: Int32, Sendable {
  case output = 1
  case error = 2

  /// Why standard output could not be written for the first time: a full disk, for example. Nil if it could, and where nobody
  /// reads any more.
  static var outputFailure: Errno? { firstFailure.withLock { $0 } }

  private static let firstFailure = Locked<Errno?>(nil)

  /// Whether a person looks at it.
  var isTerminal: Bool { isatty(rawValue) == 1 }

  /// Whether what was written can be written over: it is a terminal, and one that obeys (`TERM=dumb` does not, as for restic).
  var canBeOverwritten: Bool { isTerminal && getenv("TERM").map { String(cString: $0) } != "dumb" }

  /// How many columns and rows the terminal has; nil where nobody knows.
  var size: TerminalSize? {
    var size = winsize()
    guard ioctl(rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
    return TerminalSize(columns: Int(size.ws_col), rows: Int(size.ws_row))
  }

  /// Whether it is a terminal whose foreground another program has, such as ssh asking for a password.
  var isLent: Bool { isTerminal && tcgetpgrp(rawValue) != getpgrp() }

  /// Writes `text` after the program's name, as one line of printable text, whatever names it contains.
  func tell(_ text: String) {
    let line = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: " ")
    write("restic-gitfs: \(line.printable)\n")
  }

  /// Writes all of `text`. Ignores errors: if nobody reads, nobody can be told.
  func write(_ text: String) {
    write(Array(text.utf8))
  }

  /// Writes all of `bytes`.
  func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(rawValue, $0.baseAddress, $0.count) }
      if count < 0 {
        let error = Errno(rawValue: errno)
        if error == .resourceTemporarilyUnavailable {
          // Somebody who has the same stream has made it one that does not wait.
          var event = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
          poll(&event, 1, -1)
          continue
        }
        guard error != .interrupted else { continue }
        if self == .output, error != .brokenPipe { Self.firstFailure.withLock { $0 = $0 ?? error } }
        return
      } else {
        rest = rest.dropFirst(count)
      }
    }
  }
}
