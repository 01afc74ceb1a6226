/// One metric in Prometheus's text format, version 0.0.4: its help, its type and its samples.
/// Source: prometheus.io, "Exposition formats".
struct PrometheusMetric: Hashable, Sendable {
  /// The meaning of the values.
  enum Kind: String, Sendable {
    /// Values only grow during the life of a process.
    case counter
    /// Values go up and down.
    case gauge
  }

  /// A value and the labels that distinguish it from others.
  struct Sample: Hashable, Sendable {
    /// Name and value of each label, in the order of the line.
    var labels: [(name: String, value: String)]
    /// The value.
    var value: Double

    static func == (left: Sample, right: Sample) -> Bool {
      left.value == right.value && left.labels.elementsEqual(right.labels) { $0 == $1 }
    }

    func hash(into hasher: inout Hasher) {
      for label in labels { hasher.combine(label.name + "\u{0}" + label.value) }
      hasher.combine(value)
    }
  }

  /// The name: letters, digits and `_`; a counter's ends with `_total`.
  let name: String
  /// The meaning of the values.
  let kind: Kind
  /// One sentence for a person.
  let help: String
  /// The samples.
  let samples: [Sample]

  /// The lines, each with a newline.
  var text: String {
    var lines = "# HELP \(name) \(Self.escaped(help))\n# TYPE \(name) \(kind.rawValue)\n"
    for sample in samples {
      let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
      lines += "\(name){\(labels.joined(separator: ","))} \(Self.number(sample.value))\n"
    }
    return lines
  }

  /// `text` with the characters escaped that would end it; in a label these include quotes.
  private static func escaped(_ text: String, quotes: Bool = false) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A whole number without a point, as far as a double holds it exactly.
  private static func number(_ value: Double) -> String {
    Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}
