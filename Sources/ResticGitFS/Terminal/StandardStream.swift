import Glibc
import MessageText

/// Standard output and standard error, written at once and without a buffer, which a sudden end could lose.
enum StandardStream: Int32, Sendable {
  case output = 1
  case error = 2

  /// Whether a person looks at it.
  var isTerminal: Bool { isatty(rawValue) == 1 }

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
        guard errno == EINTR else { return }
      } else {
        rest = rest.dropFirst(count)
      }
    }
  }
}
