import ResticCore
import Testing

@Suite("ChunkerPolynomial")
struct ChunkerPolynomialTests {
  @Test(
    "known irreducible and known reducible polynomials are distinguished",
    arguments: [
      (0x3DA3358B4DC173, true), (0x2482734cacca49, true), (0x2e3cfd704a4623, true), (0x38f1e565e288df, false),
      (0x30a8295b9d5c91, false), (0x255f4350b962cb, false), (0x267f776110a235, false), (0x2f4dae10d41227, false),
      (0x312daf4b284899, false), (0x29dfb6553d01d1, false), (0x3548245eb26257, false), (0x3199e7ef4211b3, false),
      (0x362f39017dae8b, false), (0x20_0000_0000_0000, false), (0x20_0000_0000_0001, false),
    ] as [(UInt64, Bool)])
  func irreducible(rawValue: UInt64, expected: Bool) throws {
    #expect(try #require(ChunkerPolynomial(rawValue: rawValue)).isIrreducible == expected)
  }

  @Test("random polynomials are irreducible, have degree 53, and differ")
  func random() {
    let polynomials = (0..<50).map { _ in ChunkerPolynomial.random() }
    #expect(Set(polynomials).count == 50)
    for polynomial in polynomials {
      #expect(polynomial.isIrreducible && polynomial.rawValue >> 53 == 1)
      #expect(ChunkerPolynomial(hex: polynomial.hex) == polynomial)
    }
  }

  @Test("hex is read and written as in restic's config")
  func hex() throws {
    let polynomial = try #require(ChunkerPolynomial(hex: "2e3cfd704a4623"))
    #expect(polynomial.rawValue == 0x2e3cfd704a4623)
    #expect(polynomial.hex == "2e3cfd704a4623")
  }

  @Test(
    "anything but a polynomial of degree 53 is refused",
    arguments: [
      "", "x", "0", "1", "1e3cfd704a4623", "42e3cfd704a4623", "2e3cfd704a462g", "+2e3cfd704a4623", "-2e3cfd704a4623",
      " 2e3cfd704a4623", "0x2e3cfd704a4623", "ffffffffffffffff", "12e3cfd704a46230000",
    ])
  func refused(hex: String) {
    #expect(ChunkerPolynomial(hex: hex) == nil)
  }
}
