/// Advice for a command line that names no command of this program.
enum CommandAdvice {
  /// restic's commands that this program does not have. Source: `restic help` of restic 0.19.
  private static let resticCommands: Set<String> = [
    "backup", "cache", "cat", "check", "copy", "diff", "dump", "features", "find", "forget", "generate", "key", "list",
    "ls", "migrate", "options", "prune", "rebuild-index", "recover", "repair", "restore", "rewrite", "self-update",
    "stats", "tag",
  ]
  /// Other programs' names for this program's commands, which differ too much for `distance`.
  private static let otherWords = [
    "unmount": "umount", "stat": "status", "ps": "status", "save": "sync", "commit": "sync",
  ]
  /// The longest word, in bytes, that is taken for a mistyped command.
  private static let longestWord = 32
  /// A word with more mistakes counts as another word.
  private static let mostMistakes = 2

  /// One line that names the mistake in `arguments` and what to write instead. Nil if they name one of `commands`, or
  /// begin with an option.
  static func text(for arguments: [String], commands: [String]) -> String? {
    var words = arguments[...]
    if words.first == "help" { words = words.dropFirst() }
    guard let word = words.first, !word.hasPrefix("-"), !commands.contains(word), word != "help" else { return nil }
    if resticCommands.contains(word) {
      return "\"\(word)\" is a command of restic: run `restic -r LOCATION \(word)`"
    }
    let list = "`restic-gitfs --help` lists the commands"
    guard let meant = otherWords[word] ?? nearest(to: word, among: commands) else {
      return "there is no command \"\(word.prefix(longestWord))\"; \(list)"
    }
    return "there is no command \"\(word)\"; did you mean \"\(meant)\"? \(list)"
  }

  private static func nearest(to word: String, among commands: [String]) -> String? {
    guard word.utf8.count <= longestWord else { return nil }
    let distances = commands.map { (command: $0, distance: distance(word, $0)) }
    guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= min(mostMistakes, best.command.count / 2) ? best.command : nil
  }

  /// How many letters have to be inserted, deleted, replaced or swapped with their neighbour to change one word into
  /// the other: the optimal string alignment distance.
  private static func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var table = [[Int]](repeating: Array(0...right.count), count: left.count + 1)
    for row in 1...left.count {
      table[row][0] = row
      for column in 1...right.count {
        let isSame = left[row - 1] == right[column - 1]
        var best = min(
          table[row - 1][column] + 1, table[row][column - 1] + 1, table[row - 1][column - 1] + (isSame ? 0 : 1))
        if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
          best = min(best, table[row - 2][column - 2] + 1)
        }
        table[row][column] = best
      }
    }
    return table[left.count][right.count]
  }
}
