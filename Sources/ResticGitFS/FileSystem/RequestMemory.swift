import FuseBridge
import ResticCore

/// Reads requests into memory of the pool: written bytes stay where the kernel has put them (`WriteBuffer`).
struct RequestMemory: FuseMemory {
  func take(byteCount: Int) -> UnsafeMutableRawBufferPointer { BufferPool.shared.take(byteCount: byteCount) }

  func giveBack(_ memory: UnsafeMutableRawBufferPointer) { BufferPool.shared.giveBack(memory) }
}
