/// Steele, Lea and Flood's SplitMix64: random numbers that a seed brings back, so that test files need not be stored.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }

  /// The next `byteCount` bytes, each number in little-endian order.
  mutating func bytes(_ byteCount: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      for offset in stride(from: 0, to: byteCount, by: 8) {
        withUnsafeBytes(of: next().littleEndian) { word in
          for index in 0..<min(8, byteCount - offset) { raw[offset + index] = word[index] }
        }
      }
      initializedCount = byteCount
    }
  }
}
