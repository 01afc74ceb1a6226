/// A small random generator that gives the same numbers for the same seed on every machine.
///
/// Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The generator of `seed`.
  public init(seed: UInt64) {
    state = seed
  }

  /// The next 64 bits; the same seed always gives the same sequence.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// The next `count` bytes.
  public mutating func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      var index = 0
      while index + 8 <= count {
        raw.storeBytes(of: next().littleEndian, toByteOffset: index, as: UInt64.self)
        index += 8
      }
      var rest = next()
      while index < count {
        raw[index] = UInt8(truncatingIfNeeded: rest)
        rest >>= 8
        index += 1
      }
      initializedCount = count
    }
  }
}
