/// A program's standard error: each line is passed on, and the last lines are kept for messages, without secrets.
///
/// Memory is limited: of a line longer than `longestLine`, only the beginning counts.
struct ServiceWords: Sendable {
  private static let longestLine = 16 << 10
  /// How much of a line is shown.
  private static let shownByteCount = 400
  private static let keptLines = 3

  private let secrets: ServiceSecrets
  private var unfinished: [UInt8] = []
  private var isCut = false
  private var lines: [(text: String, time: ContinuousClock.Instant)] = []

  /// An empty instance. `secrets` are not shown.
  init(hiding secrets: ServiceSecrets = ServiceSecrets()) {
    self.secrets = secrets
  }

  /// Takes a piece, and returns the lines that end in it.
  mutating func take(_ bytes: ArraySlice<UInt8>) -> [String] {
    var ended: [String] = []
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        if let line = endLine() { ended.append(line) }
      } else if unfinished.count < Self.longestLine {
        unfinished.append(byte)
      } else {
        isCut = true
      }
    }
    return ended
  }

  /// Takes the end: the unfinished line counts as a line.
  mutating func finish() -> [String] { endLine().map { [$0] } ?? [] }

  /// The last lines, joined, of those that ended after `start` if it is given; empty if there are none.
  func last(since start: ContinuousClock.Instant? = nil) -> String {
    lines.lazy.filter { line in start.map { $0 <= line.time } ?? true }.map(\.text).joined(separator: "; ")
  }

  private mutating func endLine() -> String? {
    defer {
      unfinished.removeAll(keepingCapacity: true)
      isCut = false
    }
    // Before anything is cut or replaced, because half a secret would not be recognized.
    let shown = secrets.hidden(in: String(decoding: unfinished, as: UTF8.self), isCut: isCut)
    let printable = shown.utf8.prefix(Self.shownByteCount).map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: " ") : $0 }
    var text = String(decoding: printable, as: UTF8.self).drop { $0 == " " }
    // ssh writes a carriage return at the end of a line.
    while text.last == " " { text.removeLast() }
    guard !text.isEmpty else { return nil }
    if lines.count == Self.keptLines { lines.removeFirst() }
    lines.append((String(text), .now))
    return String(text)
  }
}
