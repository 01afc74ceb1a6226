extension Duration {
  /// Units and their length in nanoseconds: Go's units, and `d` for a day of 24 hours.
  private static let unitNanoseconds: [String: Int64] = [
    "ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000,
    "h": 3_600_000_000_000, "d": 86_400_000_000_000,
  ]

  /// The time that `text` spells as Go and restic write it: `30s`, `5m`, `1h30m`, `1.5h`, `2d`, `0`. Nil for anything
  /// else, for negative times and for more than about 292 years.
  public init?(text: String) {
    guard text != "0" else {
      self = .zero
      return
    }
    var rest = text[...]
    var total: Int64 = 0
    repeat {
      let whole = Self.takeDigits(from: &rest)
      var fraction = ""[...]
      if rest.first == "." {
        rest = rest.dropFirst()
        fraction = Self.takeDigits(from: &rest)
      }
      let unit = rest.prefix { !$0.isASCII || $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard !whole.isEmpty || !fraction.isEmpty, let scale = Self.unitNanoseconds[String(unit)],
        let count = whole.isEmpty ? 0 : Int64(whole)
      else { return nil }
      let (nanoseconds, tooLarge) = count.multipliedReportingOverflow(by: scale)
      // Nine digits are enough for nanoseconds of a second, and nobody writes longer units more exactly.
      let part = Int64((Double("0.\(fraction.prefix(9))") ?? 0) * Double(scale))
      let (sum, overflows) = total.addingReportingOverflow(nanoseconds)
      let (next, alsoOverflows) = sum.addingReportingOverflow(part)
      guard !tooLarge, !overflows, !alsoOverflows else { return nil }
      total = next
    } while !rest.isEmpty
    self = .nanoseconds(total)
  }

  /// Whether `text` spells a time.
  public static func isSpelled(by text: String) -> Bool { Duration(text: text) != nil }

  private static func takeDigits(from text: inout Substring) -> Substring {
    let digits = text.prefix { ("0"..."9").contains($0) }
    text = text.dropFirst(digits.count)
    return digits
  }
}
