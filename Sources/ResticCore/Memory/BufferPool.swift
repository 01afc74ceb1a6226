import Glibc

/// Memory that goes round: what is given back is lent again, since fresh memory of the system costs a page fault every
/// 4 KiB, which for blobs of a MiB is more than encrypting them.
///
/// Sizes are powers of two and a page for what comes with as much (a nonce, the header of a request), so that any buffer of
/// a class serves any request of it. What is idle was in use before, so
/// that a busy program needs no more memory for it; when it has done its work it calls `trim`. No core dump shows any of
/// it. Thread-safe; `idle` is a leaf lock.
///
/// Where the process's memory is limited (`MemoryRoom`), `limitLent` draws a line: who stays away from the pool beyond it
/// (`hasRoom`) leaves the rest to those who make room.
public final class BufferPool: Sendable {
  /// The one pool of the process.
  public static let shared = BufferPool(idleByteLimit: 64 << 20)

  struct Idle: @unchecked Sendable {
    /// By the power of two of their size.
    var buffers = [[UnsafeMutableRawPointer]](repeating: [], count: largestClass + 1)
    var byteCount = 0
    /// The most that `byteCount` may be.
    var byteLimit = 0
    /// What is lent, and the line for it. Buffers of malloc's do not count.
    var lentByteCount = 0
    var lentByteLimit = Int.max

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

  let idle: Locked<Idle>

  /// An empty pool that keeps at most `idleByteLimit` bytes that nobody uses.
  init(idleByteLimit: Int) {
    idle = Locked(Idle(byteLimit: idleByteLimit))
  }

  /// Memory of `byteCount` bytes with anything in it, until it is given back. Aligned to 16 bytes.
  public func take(byteCount: Int) -> UnsafeMutableRawBufferPointer {
    guard let size = Self.sizeClass(of: byteCount) else {
      return UnsafeMutableRawBufferPointer(
        start: .allocate(byteCount: max(byteCount, 1), alignment: 16), count: byteCount)
    }
    let used: SendablePointer? = idle.withLock { idle in
      idle.lentByteCount += Self.byteCount(ofClass: size)
      return idle.take(size).map { SendablePointer(pointer: $0) }
    }
    return UnsafeMutableRawBufferPointer(start: used?.pointer ?? mapOrWait(size), count: byteCount)
  }

  /// Whether less is lent than the line says.
  public var hasRoom: Bool { idle.withLock { $0.lentByteCount < $0.lentByteLimit } }

  /// Draws the line for `hasRoom`.
  public func limitLent(to byteCount: Int) {
    idle.withLock { $0.lentByteLimit = byteCount }
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
      idle.lentByteCount -= Self.byteCount(ofClass: size)
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
      var unused = Idle()
      swap(&unused.buffers, &idle.buffers)
      idle.byteCount = 0
      return unused
    }
    unused.unmap()
  }

  /// As `map`. Where the system has no memory, what is idle is given back, and then others are waited for.
  private func mapOrWait(_ size: Int) -> UnsafeMutableRawPointer {
    for _ in 0..<Self.mapAttempts {
      if let pointer = Self.map(size) { return pointer }
      trim()
      if let pointer = Self.map(size) { return pointer }
      usleep(Self.mapPause)
    }
    preconditionFailure("no memory for a buffer")
  }

  /// How often memory is asked for that can't be had, and the microseconds between: a minute in all.
  private static let mapAttempts = 6000
  private static let mapPause: UInt32 = 10_000

  /// Pages of their own, not of malloc's heap: there what is given back stays between what is in use. Nil where the system
  /// has none left.
  private static func map(_ size: Int) -> UnsafeMutableRawPointer? {
    let count = byteCount(ofClass: size)
    let pointer = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let pointer, pointer != MAP_FAILED else { return nil }
    // Refused by kernels without core dumps only.
    madvise(pointer, count, MADV_DONTDUMP)
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
