import FuseBridge
import ResticCore

/// Requests are read into memory of the pool: what is written stays where the kernel has put it (`WriteBuffer`).
struct RequestMemory: FuseMemory {
  func take(byteCount: Int) -> UnsafeMutableRawBufferPointer { BufferPool.shared.take(byteCount: byteCount) }

  func giveBack(_ memory: UnsafeMutableRawBufferPointer) { BufferPool.shared.giveBack(memory) }
}
