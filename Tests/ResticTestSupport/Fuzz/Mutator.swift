/// Damages samples in a repeatable way. Each input follows from the seed and its number alone, so that any of them can be
/// made again without those before it.
public struct Mutator: Sendable {
  private let samples: [[UInt8]]
  private let words: [[UInt8]]
  private let seed: UInt64

  /// Damages `samples`; `words` are put where they hurt.
  public init(samples: [[UInt8]], words: [[UInt8]], seed: UInt64) {
    precondition(!samples.isEmpty && !words.isEmpty, "there is something to damage, and something to do it with")
    self.samples = samples
    self.words = words
    self.seed = seed
  }

  /// The input `number`: a sample with one to four mutations.
  public func input(_ number: Int) -> [UInt8] {
    var chance = SplitMix64(seed: SplitMix64.mixed(seed, UInt64(number)))
    var bytes = samples[chance.next(below: samples.count)]
    for _ in 0...chance.next(below: 4) { damage(&bytes, &chance) }
    return bytes
  }

  private func damage(_ bytes: inout [UInt8], _ chance: inout SplitMix64) {
    let position = chance.next(below: bytes.count + 1)
    let end = min(bytes.count, position + chance.next(below: 24))
    switch chance.next(below: 8) {
    case 0 where position < bytes.count: bytes[position] ^= 1 << UInt8(chance.next(below: 8))
    case 1 where position < bytes.count: bytes[position] = UInt8(chance.next(below: 256))
    case 2: bytes.removeSubrange(position..<end)
    case 3: bytes.insert(contentsOf: bytes[position..<end], at: position)
    case 4: bytes.insert(contentsOf: words[chance.next(below: words.count)], at: position)
    case 5: bytes.replaceSubrange(position..<end, with: words[chance.next(below: words.count)])
    case 6: bytes.removeSubrange(position...)
    default:
      let other = samples[chance.next(below: samples.count)]
      bytes.replaceSubrange(position..., with: other[min(position, other.count)...])
    }
  }

  /// Pieces that break readers of JSON, of restic's names and times, and of numbers.
  public static let formatWords: [[UInt8]] = [
    "null", "true", "{}", "[]", "[[[[", "{\"a\":", "\"\"", "\"\\u0000\"", "\\ud800", "\\udc00", "\\u2028", "\\\\xff",
    "\\\\U0010ffff",
    "-1", "0", "01", "1e9", "1.5", "4294967295", "4294967296", "18446744073709551615", "18446744073709551616",
    "9999-12-31T23:59:59.999999999-23:59", "0000-01-01T00:00:00Z", "\"name\":\"..\",", "\"name\":\"a\",", ",", ":",
    "\u{7f}", "é",
  ].map { Array($0.utf8) }
}

extension SplitMix64 {
  /// A seed that follows from two numbers.
  static func mixed(_ first: UInt64, _ second: UInt64) -> UInt64 {
    var generator = SplitMix64(seed: first)
    return generator.next() ^ second &* 0x9E37_79B9_7F4A_7C15
  }

  /// The next number from 0 to `bound`, which it does not reach.
  public mutating func next(below bound: Int) -> Int {
    Int(next() % UInt64(max(bound, 1)))
  }
}
