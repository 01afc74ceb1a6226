/// The polynomial of degree 53 in a repository's config, which decides where files are cut into chunks.
///
/// It is a mild secret: somebody who knows it can recognize files by the sizes of their chunks.
public struct ChunkerPolynomial: Hashable, Sendable {
  /// The degree that restic uses: the largest prime for which digest and next byte fit into 64 bits.
  public static let degree = 53

  /// The coefficients; bit i belongs to x^i.
  public let rawValue: UInt64

  /// The polynomial with the coefficients `rawValue`, or nil if its degree is not 53.
  public init?(rawValue: UInt64) {
    guard BinaryPolynomial(rawValue).degree == Self.degree else { return nil }
    self.rawValue = rawValue
  }

  /// The polynomial whose coefficients `hex` spells, as in the config; nil if its degree is not 53.
  public init?(hex: String) {
    guard hex.utf8.allSatisfy({ UInt8(ascii: "+") != $0 }), let rawValue = UInt64(hex, radix: 16) else { return nil }
    self.init(rawValue: rawValue)
  }

  /// A random irreducible polynomial for a new repository. About one in 27 candidates is irreducible: takes under a
  /// millisecond.
  public static func random() -> ChunkerPolynomial {
    let top = UInt64(1) << UInt64(degree)
    while true {
      // The constant term is set too, because otherwise x is a factor.
      let candidate = SecureRandom.uint64() & (top - 1) | top | 1
      if let polynomial = ChunkerPolynomial(rawValue: candidate), polynomial.isIrreducible { return polynomial }
    }
  }

  /// The coefficients in lower-case hex, as in the config.
  public var hex: String { String(rawValue, radix: 16) }

  /// Whether the polynomial has no factors. restic refuses a config with a reducible polynomial.
  public var isIrreducible: Bool { BinaryPolynomial(rawValue).isIrreducible }
}
