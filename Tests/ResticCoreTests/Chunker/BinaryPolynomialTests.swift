import Testing

@testable import ResticCore

@Suite("BinaryPolynomial")
struct BinaryPolynomialTests {
  @Test("the degree is that of the highest coefficient, and -1 for zero")
  func degree() {
    #expect(BinaryPolynomial(0).degree == -1)
    #expect(BinaryPolynomial(1).degree == 0)
    #expect(BinaryPolynomial(0x3da3358b4dc173).degree == 53)
    #expect(BinaryPolynomial(1 << 63).degree == 63)
  }

  @Test("products are reduced as in restic's published examples")
  func products() {
    let small = BinaryPolynomial(0x1230).multiplied(by: BinaryPolynomial(0x230), modulo: BinaryPolynomial(0x55))
    #expect(small.bits == 0x22)
    let large = BinaryPolynomial(0x0eae_8c07_dbbb_3026).multiplied(
      by: BinaryPolynomial(0xd5d6_db9d_e047_71de), modulo: BinaryPolynomial(0xdd2b_da3b_77c9))
    #expect(large.bits == 0x425a_e859_5b7a)
  }

  @Test("division reverses multiplication, up to the highest degree")
  func algebra() {
    var random = SplitMix64(seed: 1)
    for _ in 0..<500 {
      let modulus = BinaryPolynomial(random.next() >> UInt64.random(in: 0..<62, using: &random) | 2)
      let (a, b, c) = (
        BinaryPolynomial(random.next()), BinaryPolynomial(random.next()), BinaryPolynomial(random.next())
      )
      let ab = a.multiplied(by: b, modulo: modulus)
      let ac = a.multiplied(by: c, modulo: modulus)
      let sum = BinaryPolynomial(b.bits ^ c.bits)
      #expect(ab.degree < modulus.degree)
      #expect(ab == b.multiplied(by: a, modulo: modulus))
      #expect(a.multiplied(by: sum, modulo: modulus).bits == ab.bits ^ ac.bits)
      #expect(a.multiplied(by: BinaryPolynomial(1), modulo: modulus) == a % modulus)
    }
  }

  @Test(
    "greatest common divisors agree with restic's published examples",
    arguments: [
      (0b1_0110_1001, 0b1010, 0b1), (2, 2, 2), (0b1010, 0b11, 0b11), (1 << 63, 1 << 63, 1 << 63),
      (0b1100, 0b101, 0b11), (0b11_0000_1111, 0b10011, 0b10011), (0x3DA3358B4DC173, 0x3DA3358B4DC173, 0x3DA3358B4DC173),
      (0x3DA3358B4DC173, 0x230d2259defd, 1), (0x230d2259defd, 0x51b492b3eff2, 0b10011), (0, 7, 7),
    ] as [(UInt64, UInt64, UInt64)])
  func commonDivisors(left: UInt64, right: UInt64, expected: UInt64) {
    #expect(BinaryPolynomial(left).greatestCommonDivisor(with: BinaryPolynomial(right)).bits == expected)
    #expect(BinaryPolynomial(right).greatestCommonDivisor(with: BinaryPolynomial(left)).bits == expected)
  }

  @Test("up to degree 10, trial division finds the same irreducible polynomials")
  func irreducibleByTrial() {
    for bits in UInt64(0)..<2048 {
      let candidate = BinaryPolynomial(bits)
      let hasDivisor = (UInt64(2)..<64).contains { divisor in
        let divisor = BinaryPolynomial(divisor)
        return divisor.degree < candidate.degree && (candidate % divisor).bits == 0
      }
      #expect(candidate.isIrreducible == (candidate.degree >= 1 && !hasDivisor), "\(bits)")
    }
  }
}
