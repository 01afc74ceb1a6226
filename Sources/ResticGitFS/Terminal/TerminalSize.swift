/// How much a terminal shows.
struct TerminalSize: Hashable, Sendable {
  /// Characters in a line.
  let columns: Int
  /// Lines.
  let rows: Int

  /// `line` without what would wrap: the last column stays free, because a terminal that was written to its edge erases there.
  func cut(_ line: String) -> String { String(line.prefix(max(1, columns - 1))) }
}
