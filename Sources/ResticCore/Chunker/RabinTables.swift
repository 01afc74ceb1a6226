/// The two tables that move a Rabin fingerprint on by one byte, for one polynomial P of degree 53.
///
/// The digest of a window of bytes is the polynomial that its bits spell, mod P. With the byte `new` entering and `old`
/// leaving a full window, `digest = digest << 8 ^ reduction[digest >> 45] ^ removal[old] ^ new`:
/// - `reduction[t]` clears the top byte t that the shift moves to x^53 and beyond, and adds its remainder;
/// - `removal[b]` is b·x^512 mod P, the share in the shifted digest of a byte that came 64 bytes before.
///
/// Layout: 256 words `reduction`, then 256 words `removal`: 4 KiB, which stay in the first-level cache.
final class RabinTables: Sendable {
  /// How many bytes a digest covers.
  static let windowByteCount = 64
  /// The shift that leaves a digest's top byte.
  static let topByteShift = UInt64(ChunkerPolynomial.degree - 8)

  private nonisolated(unsafe) let words: UnsafeMutablePointer<UInt64>

  /// The 256 words that reduce.
  var reduction: UnsafePointer<UInt64> { UnsafePointer(words) }
  /// The 256 words that remove the oldest byte.
  var removal: UnsafePointer<UInt64> { UnsafePointer(words + 256) }

  /// The tables of `polynomial`: some ten microseconds.
  init(_ polynomial: ChunkerPolynomial) {
    let modulus = BinaryPolynomial(polynomial.rawValue)
    let windowShift = Self.power(ofX: 8 * Self.windowByteCount, modulo: modulus)
    words = .allocate(capacity: 512)
    for byte in 0..<UInt64(256) {
      let top = byte << UInt64(ChunkerPolynomial.degree)
      words[Int(byte)] = (BinaryPolynomial(top) % modulus).bits ^ top
      words[256 + Int(byte)] = BinaryPolynomial(byte).multiplied(by: windowShift, modulo: modulus).bits
    }
  }

  deinit {
    words.deallocate()
  }

  /// x^exponent mod `modulus`.
  private static func power(ofX exponent: Int, modulo modulus: BinaryPolynomial) -> BinaryPolynomial {
    var power = BinaryPolynomial(1)
    for _ in 0..<exponent { power = power.multiplied(by: BinaryPolynomial(2), modulo: modulus) }
    return power
  }
}
