import Testing

@testable import ResticCore

@Suite("ScryptCost")
struct ScryptCostTests {
  /// Costs that a hostile or damaged key file could ask for.
  static let unacceptable: [ScryptCost] = [
    ScryptCost(n: 0, r: 8, p: 1), ScryptCost(n: 1, r: 8, p: 1), ScryptCost(n: -2, r: 8, p: 1),
    ScryptCost(n: .min, r: 8, p: 1), ScryptCost(n: .max, r: 8, p: 1), ScryptCost(n: 3, r: 8, p: 1),
    ScryptCost(n: 32767, r: 8, p: 1), ScryptCost(n: 1 << 62, r: 8, p: 1), ScryptCost(n: 1 << 20, r: 8, p: 1),
    ScryptCost(n: 1 << 30, r: 1, p: 1), ScryptCost(n: 16, r: 0, p: 1), ScryptCost(n: 16, r: -1, p: 1),
    ScryptCost(n: 16, r: 8, p: 0), ScryptCost(n: 16, r: 8, p: -1), ScryptCost(n: 16, r: .max, p: .max),
    ScryptCost(n: 16, r: 1 << 15, p: 1 << 15), ScryptCost(n: 2, r: 1 << 29, p: 1), ScryptCost(n: 2, r: 1, p: 1 << 29),
    ScryptCost(n: 16, r: 1 << 32, p: 1), ScryptCost(n: 1 << 15, r: 8, p: 1 << 20),
  ]

  @Test("invalid and unreasonable costs are not acceptable", arguments: unacceptable)
  func refused(cost: ScryptCost) {
    #expect(!cost.isAcceptable)
  }

  @Test(
    "the costs of restic and of cautious users are acceptable",
    arguments: [
      .minimum, ScryptCost(n: 32768, r: 8, p: 1), ScryptCost(n: 32768, r: 8, p: 40), ScryptCost(n: 1 << 19, r: 8, p: 4),
    ])
  func accepted(cost: ScryptCost) {
    #expect(cost.isAcceptable)
  }

  /// Calibrates where one pass at N = 32768 takes `pass` and other costs in proportion.
  static func calibrate(pass: Duration, memoryByteCount: Int = 60 << 20) -> ScryptCost {
    ScryptCost.calibrate(duration: .milliseconds(500), memoryByteCount: memoryByteCount) { cost in
      pass / 32768 * (cost.n * cost.p)
    }
  }

  @Test("on a quick machine the memory bound sets N and the time sets p")
  func quick() {
    #expect(Self.calibrate(pass: .milliseconds(59)) == ScryptCost(n: 32768, r: 8, p: 8))
    #expect(Self.calibrate(pass: .milliseconds(20)) == ScryptCost(n: 32768, r: 8, p: 25))
  }

  @Test("on a slow machine N is halved, but never below 16384")
  func slow() {
    #expect(Self.calibrate(pass: .milliseconds(800)) == ScryptCost(n: 16384, r: 8, p: 1))
    #expect(Self.calibrate(pass: .seconds(60)) == ScryptCost(n: 16384, r: 8, p: 1))
  }

  @Test("more memory allows a larger N, less a smaller one")
  func memory() {
    #expect(Self.calibrate(pass: .milliseconds(59), memoryByteCount: 200 << 20).n == 1 << 17)
    #expect(Self.calibrate(pass: .milliseconds(59), memoryByteCount: 1).n == 1 << 14)
  }

  @Test("a stopped clock does not lead to a cost that opening would refuse")
  func stoppedClock() {
    #expect(Self.calibrate(pass: .zero).isAcceptable)
    #expect(Self.calibrate(pass: .zero, memoryByteCount: .max).isAcceptable)
  }

  @Test("the calibrated cost of this machine derives a key")
  func real() throws {
    let cost = ScryptCost.calibrate(duration: .milliseconds(20))
    #expect(cost.isAcceptable && cost.n >= 1 << 14)
    #expect(try Scrypt.derive(password: SecureBytes(byteCount: 0), salt: [], cost: cost).byteCount == 64)
  }
}
