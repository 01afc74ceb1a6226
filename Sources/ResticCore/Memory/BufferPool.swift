import Glibc

/// Memory that goes round: what is given back is lent again, since fresh memory of the system costs a page fault every
/// 4 KiB, which for blobs of a MiB is more than encrypting them.
///
/// Sizes are powers of two and a page for what comes with as much (a nonce, the header of a request), so that any buffer of
/// a class serves any request of it. What is idle was in use before, so
/// that a busy program needs no more memory for it; when it has done its work it calls `trim`. Thread-safe; `idle` is a
/// leaf lock.
public final class BufferPool: Sendable {
  /// The one pool of the process.
  public static let shared = BufferPool(idleByteLimit: 64 << 20)

  private struct Idle: @unchecked Sendable {
    /// By the power of two of their size.
    var buffers = [[UnsafeMutableRawPointer]](repeating: [], count: largestClass + 1)
    var byteCount = 0
    /// The most that `byteCount` may be.
    var byteLimit = 0

    mutating func take(_ size: Int) -> UnsafeMutableRawPointer? {
      guard let pointer = buffers[size].popLast() else { return nil }
      if size < packClass { byteCount -= 1 << size }
      return pointer
    }

    mutating func add(_ pointer: UnsafeMutableRawPointer, _ size: Int) {
      buffers[size].append(pointer)
      if size < packClass { byteCount += 1 << size }
    }

    /// Takes out what is too much, of whatever there is most of.
    mutating func removeSurplus() -> Idle {
      var surplus = Idle()
      for size in packClass...largestClass {
        while buffers[size].count > idlePackCount, let pointer = take(size) { surplus.add(pointer, size) }
      }
      while byteCount > byteLimit {
        let most = (smallestClass..<packClass).max { buffers[$0].count << $0 < buffers[$1].count << $1 }
        guard let most, let pointer = take(most) else { break }
        surplus.add(pointer, most)
      }
      return surplus
    }

    /// Gives all of it back to the system.
    func unmap() {
      for (size, pointers) in buffers.enumerated() {
        for pointer in pointers where munmap(pointer, BufferPool.byteCount(ofClass: size)) != 0 {
          // It lies between two others, and the process has as many mappings as it may. The address is lost, not the memory.
          madvise(pointer, BufferPool.byteCount(ofClass: size), MADV_DONTNEED)
        }
      }
    }
  }

  /// Below 64 KiB malloc is as fast.
  private static let smallestClass = 16
  /// Buffers of 16 and 32 MiB are for packs, and half empty. A few are kept, beside what the limit says.
  private static let packClass = 24
  private static let largestClass = 25
  private static let idlePackCount = 3
  /// What a buffer has beside its power of two.
  private static let pageByteCount = 4096

  private let idle: Locked<Idle>

  /// An empty pool that keeps at most `idleByteLimit` bytes that nobody uses.
  init(idleByteLimit: Int) {
    idle = Locked(Idle(byteLimit: idleByteLimit))
  }

  /// How many bytes wait to be lent again.
  var idleByteCount: Int { idle.withLock { $0.byteCount } }

  /// Memory of `byteCount` bytes with anything in it, until it is given back. Aligned to 16 bytes.
  public func take(byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let size = Self.sizeClass(of: byteCount)
    let used: SendablePointer? = idle.withLock { idle in
      guard let size, let pointer = idle.take(size) else { return nil }
      return SendablePointer(pointer: pointer)
    }
    let pointer = used?.pointer ?? size.map(Self.map) ?? .allocate(byteCount: max(byteCount, 1), alignment: 16)
    return UnsafeMutableRawBufferPointer(start: pointer, count: byteCount)
  }

  /// Takes back what `take` has returned.
  public func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
    guard let pointer = buffer.baseAddress else { return }
    guard let size = Self.sizeClass(of: buffer.count) else {
      pointer.deallocate()
      return
    }
    let returned = SendablePointer(pointer: pointer)
    let unused = idle.withLock { idle in
      idle.add(returned.pointer, size)
      return idle.removeSurplus()
    }
    unused.unmap()
  }

  /// Keeps at most `byteCount` bytes that nobody uses, from now on.
  public func limitIdle(to byteCount: Int) {
    let surplus = idle.withLock { idle in
      idle.byteLimit = byteCount
      return idle.removeSurplus()
    }
    surplus.unmap()
  }

  /// Gives everything that is idle back to the system.
  public func trim() {
    let unused: Idle = idle.withLock { idle in
      defer { idle = Idle(byteLimit: idle.byteLimit) }
      return idle
    }
    unused.unmap()
  }

  /// Pages of their own, not of malloc's heap: there what is given back stays between what is in use.
  private static func map(_ size: Int) -> UnsafeMutableRawPointer {
    let pointer = mmap(nil, byteCount(ofClass: size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let pointer, pointer != MAP_FAILED else { preconditionFailure("no memory for a buffer") }
    return pointer
  }

  /// The power of two that holds `byteCount` bytes; nil where the pool has no class for it.
  private static func sizeClass(of byteCount: Int) -> Int? {
    guard byteCount > 1 << (smallestClass - 1), byteCount <= Self.byteCount(ofClass: largestClass) else { return nil }
    return max(smallestClass, Int.bitWidth - max(byteCount - pageByteCount - 1, 0).leadingZeroBitCount)
  }

  /// What a buffer of the class `size` has room for.
  private static func byteCount(ofClass size: Int) -> Int { 1 << size + pageByteCount }

  /// A pointer on its way into or out of the lock.
  private struct SendablePointer: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
  }
}
