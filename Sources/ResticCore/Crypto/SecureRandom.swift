import CSodium

/// Unpredictable bytes from the kernel's generator, through libsodium's `randombytes_buf`.
public enum SecureRandom {
  /// `count` random bytes.
  public static func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      fill(UnsafeMutableRawBufferPointer(buffer))
      initializedCount = count
    }
  }

  /// A random number; every value is equally likely.
  public static func uint64() -> UInt64 {
    var value: UInt64 = 0
    withUnsafeMutableBytes(of: &value) { fill($0) }
    return value
  }

  /// Overwrites all of `buffer` with random bytes.
  public static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    guard let start = buffer.baseAddress else { return }
    Sodium.start()
    randombytes_buf(start, buffer.count)
  }
}
