/// A strict reader of Prometheus's text format, for tests: everything that `promtool check metrics` refuses is an error.
struct PrometheusText {
  struct Malformed: Error, CustomStringConvertible {
    let description: String
  }

  /// The samples: name and labels, as in the text, and value.
  private(set) var samples: [String: Double] = [:]
  private(set) var types: [String: String] = [:]
  private var helps: Set<String> = []

  /// Throws where `text` is not the format, a metric lacks its help or type, is spread over the text, or a sample comes twice.
  init(_ text: String) throws {
    guard text.hasSuffix("\n") else { throw Malformed(description: "the last line has no end") }
    var current = ""
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
      switch words.first {
      case "#" where words.count == 4 && words[1] == "HELP":
        guard helps.insert(words[2]).inserted else { throw Malformed(description: "two helps: \(line)") }
        current = words[2]
      case "#" where words.count == 4 && words[1] == "TYPE":
        guard words[2] == current, types[current] == nil, ["counter", "gauge"].contains(words[3]) else {
          throw Malformed(description: "type: \(line)")
        }
        guard (words[3] == "counter") == current.hasSuffix("_total") else {
          throw Malformed(description: "a counter's name ends with _total, and no other's: \(line)")
        }
        types[current] = words[3]
      default: try readSample(String(line), of: current)
      }
    }
  }

  private mutating func readSample(_ line: String, of metric: String) throws {
    let pattern =
      /([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\\\|\\"|\\n)*",?)*\})? (-?[0-9.]+(e[-+]?[0-9]+)?)/
    guard let match = try pattern.wholeMatch(in: line), String(match.1) == metric, types[metric] != nil,
      let value = Double(match.5)
    else { throw Malformed(description: "sample: \(line)") }
    let key = String(match.1) + String(match.2 ?? "")
    guard samples.updateValue(value, forKey: key) == nil else { throw Malformed(description: "twice: \(line)") }
  }

  /// The values of `metric`, whatever their labels.
  func values(_ metric: String) -> [Double] {
    samples.filter { $0.key == metric || $0.key.hasPrefix(metric + "{") }.map(\.value)
  }
}
