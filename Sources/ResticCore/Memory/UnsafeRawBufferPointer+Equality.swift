import Glibc

extension UnsafeRawBufferPointer {
  /// Whether both hold the same bytes; compares at the speed of memory, not byte by byte.
  func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    guard let first = baseAddress, let second = other.baseAddress else { return true }
    return memcmp(first, second, count) == 0
  }
}
