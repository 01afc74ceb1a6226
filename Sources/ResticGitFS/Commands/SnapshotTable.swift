import MessageText
import ResticCore

/// Snapshots as restic prints them.
enum SnapshotTable {
  private static let titles = ["ID", "Time", "Host", "Tags", "Paths"]
  /// restic's least widths for host and tags.
  private static let leastWidths = [8, 19, 10, 10, 0]

  /// A JSON array and a newline: each snapshot as it is stored, followed by `id` and `short_id`.
  static func json(_ snapshots: [SavedSnapshot]) -> [UInt8] {
    var result = Array("[".utf8)
    for (index, saved) in snapshots.enumerated() {
      if index > 0 { result.append(UInt8(ascii: ",")) }
      // The stored object without its closing brace; it always has members.
      let object = saved.snapshot.encode()
      let end = object.lastIndex(of: UInt8(ascii: "}")) ?? object.endIndex
      result += object[..<end]
      result += #","id":"\#(saved.id.hex)","short_id":"\#(saved.id.short)"}"#.utf8
    }
    return result + "]\n".utf8
  }

  /// The table, with one line for each path of a snapshot, and the number of snapshots.
  static func text(_ snapshots: [SavedSnapshot]) -> String {
    let blocks = snapshots.map { saved in
      let snapshot = saved.snapshot
      let paths = snapshot.paths.isEmpty ? [""] : snapshot.paths
      return paths.enumerated().map { index, path in
        let cells = [
          saved.id.short, snapshot.time.localText, snapshot.hostname, snapshot.tags.joined(separator: ","),
        ]
        return (index == 0 ? cells : ["", "", "", ""]).map(\.printable) + [path.printable]
      }
    }
    let rows = [titles] + blocks.joined()
    let widths = titles.indices.map { column in
      max(leastWidths[column], rows.map { $0[column].count }.max() ?? 0)
    }
    func line(_ row: [String]) -> String {
      let cells = zip(row, widths).map { cell, width in
        cell + String(repeating: " ", count: max(0, width - cell.count))
      }
      let text = cells.joined(separator: "  ")
      return String(text.prefix(text.count - text.reversed().prefix { $0 == " " }.count))
    }

    let rule = String(repeating: "-", count: widths.reduce(0, +) + 2 * (widths.count - 1))
    // As in restic: if snapshots take several lines, an empty line separates them.
    let separator = blocks.contains { $0.count > 1 } ? "\n\n" : "\n"
    let body = blocks.map { $0.map(line).joined(separator: "\n") }.joined(separator: separator)
    let count = snapshots.count == 1 ? "1 snapshot" : "\(snapshots.count) snapshots"
    guard !snapshots.isEmpty else { return "\(count)\n" }
    return "\(line(titles))\n\(rule)\n\(body)\n\(rule)\n\(count)\n"
  }
}
