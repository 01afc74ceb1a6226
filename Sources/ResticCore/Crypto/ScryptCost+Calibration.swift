extension ScryptCost {
  /// The block size that everybody uses, restic included.
  private static let calibratedR = 8
  /// The least N that calibration returns, however slow or busy the machine is: the default of Go's scrypt packages.
  private static let smallestN = 1 << 14

  /// The cost at which one guess takes about `duration` on this machine and at most `memoryByteCount` bytes.
  ///
  /// restic's method: r = 8; N is the largest power of two below the memory limit, halved while one pass is too slow; p
  /// fills the time, because passes run one after the other. Takes two passes, about 0.1 s. The defaults are restic's.
  /// Source: restic, `internal/repository/key.go` and `internal/crypto/kdf.go`.
  public static func calibrate(
    duration: Duration = .milliseconds(500), memoryByteCount: Int = 60 << 20
  ) -> ScryptCost {
    calibrate(duration: duration, memoryByteCount: memoryByteCount, measure: measure)
  }

  /// `calibrate` with `measure` as the stopwatch.
  static func calibrate(
    duration: Duration, memoryByteCount: Int, measure: (ScryptCost) -> Duration
  ) -> ScryptCost {
    func onePass(n: Int) -> Duration {
      // The faster of two passes: the first one also allocates the pages, and a busy moment must not weaken the key.
      let cost = ScryptCost(n: n, r: calibratedR, p: 1)
      return max(min(measure(cost), measure(cost)), .microseconds(1))
    }

    var n = smallestN
    let bound = min(memoryByteCount, memoryLimit)
    while 128 * calibratedR * n * 2 < bound { n *= 2 }
    var elapsed = onePass(n: n)
    while elapsed > duration, n > smallestN {
      n /= 2
      elapsed = onePass(n: n)
    }
    let passes = Int(duration / elapsed)
    return ScryptCost(n: n, r: calibratedR, p: min(max(passes, 1), workLimit / (n * calibratedR)))
  }

  /// How long scrypt takes at `cost`.
  private static func measure(_ cost: ScryptCost) -> Duration {
    let password = SecureBytes(byteCount: 8)
    let salt = [UInt8](repeating: 0, count: 64)
    return ContinuousClock().measure {
      // A failure (no memory) only makes the time short; deriving the real key then reports the failure.
      _ = try? Scrypt.derive(password: password, salt: salt, cost: cost)
    }
  }
}
