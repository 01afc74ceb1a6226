import Glibc
import Testing

@testable import ResticCore

/// Damages samples of a format in a repeatable way and checks that its decoder takes every damage calmly.
struct FormatMutator {
  /// The seed of all suites: `RESTIC_TEST_SEED` if that is set, else the same in every run.
  static let seed: UInt64 = getenv("RESTIC_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_240_607

  private var state: UInt64
  private let samples: [[UInt8]]
  private let words: [[UInt8]] = [
    "null", "true", "{}", "[]", "[[[[", "{\"a\":", "\"\"", "\"\\u0000\"", "\\ud800", "\\udc00", "\\u2028", "\\\\xff",
    "\\\\U0010ffff",
    "-1", "0", "01", "1e9", "1.5", "4294967295", "4294967296", "18446744073709551615", "18446744073709551616",
    "9999-12-31T23:59:59.999999999-23:59", "0000-01-01T00:00:00Z", "\"name\":\"..\",", "\"name\":\"a\",", ",", ":",
    "\u{7f}", "é",
  ].map { Array($0.utf8) }

  init(samples: [[UInt8]], seed: UInt64 = FormatMutator.seed) {
    self.samples = samples
    state = seed
  }

  /// SplitMix64.
  private mutating func next(below bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return Int((mixed ^ mixed >> 31) % UInt64(max(bound, 1)))
  }

  /// One of the samples with one to four damages.
  mutating func mutant() -> [UInt8] {
    var bytes = samples[next(below: samples.count)]
    for _ in 0...next(below: 4) {
      let position = next(below: bytes.count + 1)
      let end = min(bytes.count, position + next(below: 24))
      switch next(below: 7) {
      case 0 where position < bytes.count: bytes[position] ^= 1 << UInt8(next(below: 8))
      case 1 where position < bytes.count: bytes[position] = UInt8(next(below: 256))
      case 2: bytes.removeSubrange(position..<end)
      case 3: bytes.insert(contentsOf: bytes[position..<end], at: position)
      case 4: bytes.insert(contentsOf: words[next(below: words.count)], at: position)
      case 5: bytes.replaceSubrange(position..<end, with: words[next(below: words.count)])
      default:
        let other = samples[next(below: samples.count)]
        bytes.replaceSubrange(position..., with: other[min(position, other.count)...])
      }
    }
    return bytes
  }

  /// Decodes every truncation and every single-bit flip of the samples and `count` mutants.
  ///
  /// Each must be refused with a `FormatError` or give a value that encodes to bytes which decode to the same value. A
  /// decoder that traps ends the test run. Returns how many were accepted, so that the caller sees that both happen.
  static func attack<Value: Equatable>(
    _ samples: [[UInt8]], mutants count: Int,
    decode: ([UInt8]) throws(FormatError) -> Value, encode: (Value) -> [UInt8]
  ) -> (accepted: Int, refused: Int) {
    var accepted = 0
    var refused = 0
    var failed = 0
    func check(_ bytes: [UInt8], _ what: @autoclosure () -> String) {
      guard let value = try? decode(bytes) else {
        // Refusing is one of the two right answers.
        refused += 1
        return
      }
      accepted += 1
      let again = try? decode(encode(value))
      if again != value {
        failed += 1
        // A few are enough to work on.
        guard failed <= 3 else { return }
        Issue.record("\(what()): decodes to what doesn't survive encoding: \(String(decoding: bytes, as: UTF8.self))")
      }
    }
    for (index, sample) in samples.enumerated() {
      for length in 0..<sample.count { check(Array(sample[..<length]), "sample \(index) cut to \(length)") }
      var flipped = sample
      for bit in 0..<sample.count * 8 {
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        check(flipped, "sample \(index) with bit \(bit) flipped")
        flipped[bit / 8] = sample[bit / 8]
      }
    }
    var mutator = FormatMutator(samples: samples)
    for round in 0..<count { check(mutator.mutant(), "mutant \(round) of seed \(seed)") }
    return (accepted, refused)
  }
}
