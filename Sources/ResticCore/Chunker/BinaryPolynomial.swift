/// A polynomial over GF(2) of degree up to 63: bit i is the coefficient of x^i. Adding is XOR.
struct BinaryPolynomial: Hashable, Sendable {
  /// The coefficients.
  let bits: UInt64

  /// The polynomial with the coefficients `bits`.
  init(_ bits: UInt64) {
    self.bits = bits
  }

  /// The degree; -1 for zero.
  var degree: Int {
    63 - bits.leadingZeroBitCount
  }

  /// The remainder after division by `divisor`, which is not zero.
  static func % (dividend: BinaryPolynomial, divisor: BinaryPolynomial) -> BinaryPolynomial {
    precondition(divisor.bits != 0, "division by the zero polynomial")
    var rest = dividend
    while rest.degree >= divisor.degree {
      rest = BinaryPolynomial(rest.bits ^ divisor.bits << UInt64(rest.degree - divisor.degree))
    }
    return rest
  }

  /// `self · other mod modulus`, for a modulus of degree 1 or more.
  func multiplied(by other: BinaryPolynomial, modulo modulus: BinaryPolynomial) -> BinaryPolynomial {
    precondition(modulus.degree >= 1, "everything is zero modulo a constant")
    let factor = (self % modulus).bits
    let top = UInt64(1) << UInt64(modulus.degree)
    var product: UInt64 = 0
    var coefficients = (other % modulus).bits
    coefficients <<= UInt64(64 - modulus.degree)
    for _ in 0..<modulus.degree {
      product <<= 1
      if product & top != 0 { product ^= modulus.bits }
      if coefficients >> 63 != 0 { product ^= factor }
      coefficients <<= 1
    }
    return BinaryPolynomial(product)
  }

  /// The polynomial of greatest degree that divides both; the other one if one is zero.
  func greatestCommonDivisor(with other: BinaryPolynomial) -> BinaryPolynomial {
    var (left, right) = (self, other)
    while right.bits != 0 { (left, right) = (right, left % right) }
    return left
  }

  /// Whether no polynomial of lower degree, other than 1, divides this one.
  ///
  /// Ben-Or's test: x^(2^i) - x is the product of all irreducible polynomials whose degree divides i, so a factor of
  /// degree i <= deg/2 shows up as a common divisor. Some microseconds at degree 53.
  var isIrreducible: Bool {
    guard degree >= 1 else { return false }
    let x = BinaryPolynomial(2)
    var power = x % self
    for _ in 0..<degree / 2 {
      power = power.multiplied(by: power, modulo: self)
      let difference = BinaryPolynomial(power.bits ^ x.bits)
      guard greatestCommonDivisor(with: difference).bits == 1 else { return false }
    }
    return true
  }
}
