import Glibc
import ResticTestSupport
import Testing

@testable import ResticCore

/// Damages samples of a format in a repeatable way and checks that its decoder takes every damage calmly.
enum FormatMutator {
  /// The seed of all suites: `RESTIC_TEST_SEED` if that is set, else the same in every run.
  static let seed: UInt64 = getenv("RESTIC_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_240_607

  /// Mutants of `samples`.
  static func mutator(of samples: [[UInt8]]) -> Mutator {
    Mutator(samples: samples, words: Mutator.formatWords, seed: seed)
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
    let mutator = mutator(of: samples)
    for round in 0..<count { check(mutator.input(round), "mutant \(round) of seed \(seed)") }
    return (accepted, refused)
  }
}
