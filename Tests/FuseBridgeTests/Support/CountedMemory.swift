import FuseBridge
import Synchronization

/// Memory for requests that counts its lent buffers. A returned buffer is overwritten, so that a late reader notices.
final class CountedMemory: FuseMemory {
  private let lent = Mutex(0)

  /// How many buffers are not given back.
  var lentCount: Int { lent.withLock { $0 } }

  func take(byteCount: Int) -> UnsafeMutableRawBufferPointer {
    lent.withLock { $0 += 1 }
    return UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
  }

  func giveBack(_ memory: UnsafeMutableRawBufferPointer) {
    memory.initializeMemory(as: UInt8.self, repeating: 0xA5)
    memory.deallocate()
    lent.withLock { $0 -= 1 }
  }
}
