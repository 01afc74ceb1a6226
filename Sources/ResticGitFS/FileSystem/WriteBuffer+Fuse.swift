import FuseBridge

extension WriteBuffer {
  /// Smaller writes would leave too much of a request's memory empty.
  private static let leastTakenByteCount = 192 << 10

  /// A full buffer with the bytes of `written`: in the memory of the request if they fill most of it, otherwise a copy.
  convenience init(_ written: FuseWrittenBytes) {
    if written.bytes.count >= Self.leastTakenByteCount, let (taken, range) = written.takeMemory() {
      self.init(taking: taken, bytesIn: range)
    } else {
      self.init(copying: written.bytes)
    }
  }
}
