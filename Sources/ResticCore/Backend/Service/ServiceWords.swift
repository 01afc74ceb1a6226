/// What a program writes to standard error: each line is handed on, and the last ones are kept for messages.
///
/// Memory is bounded: a line is cut where it is longer than `longestLine`.
struct ServiceWords: Sendable {
  private static let longestLine = 400
  private static let keptLines = 3

  private var unfinished: [UInt8] = []
  private var lines: [(text: String, time: ContinuousClock.Instant)] = []

  init() {}

  /// Takes a piece, and returns the lines that end in it.
  mutating func take(_ bytes: ArraySlice<UInt8>) -> [String] {
    var ended: [String] = []
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        if let line = endLine() { ended.append(line) }
      } else if unfinished.count < Self.longestLine {
        unfinished.append(byte)
      }
    }
    return ended
  }

  /// Takes the end: what has come of the last line is a line.
  mutating func finish() -> [String] { endLine().map { [$0] } ?? [] }

  /// The last lines, as one, of those that ended after `start` if there is one; empty where there is none.
  func last(since start: ContinuousClock.Instant? = nil) -> String {
    lines.lazy.filter { line in start.map { $0 <= line.time } ?? true }.map(\.text).joined(separator: "; ")
  }

  private mutating func endLine() -> String? {
    defer { unfinished.removeAll(keepingCapacity: true) }
    let printable = unfinished.map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: " ") : $0 }
    let text = String(decoding: printable, as: UTF8.self).drop { $0 == " " }
    guard !text.isEmpty else { return nil }
    if lines.count == Self.keptLines { lines.removeFirst() }
    lines.append((String(text), .now))
    return String(text)
  }
}
