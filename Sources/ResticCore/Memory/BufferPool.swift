import Glibc

/// Memory that is reused: fresh memory of the system costs a page fault every 4 KiB, which for a blob of a MiB is more
/// than encrypting it.
///
/// Sizes are powers of two, plus a page for small additions (a nonce, the header of a request), so that any buffer of a
/// class fits any request of that class. Idle buffers were in use before, so keeping them does not raise the peak of a
/// busy program; when the work is done, the program calls `trim`. No core dump contains the buffers. Thread-safe;
/// `idle` is a leaf lock.
///
/// If the process's memory is limited (`MemoryRoom`), `limitLent` sets a limit: callers that check it (`hasRoom`) and
/// wait leave the rest to callers whose work frees memory.
public final class BufferPool: Sendable {
  /// The one pool of the process.
  public static let shared = BufferPool(idleByteLimit: 64 << 20)

  struct Idle: @unchecked Sendable {
    /// By the power of two of their size.
    var buffers = [[UnsafeMutableRawPointer]](repeating: [], count: largestClass + 1)
    var byteCount = 0
    /// The limit of `byteCount`.
    var byteLimit = 0
    /// The lent bytes, and their limit. Buffers from malloc do not count.
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

    /// Removes the buffers beyond the limit, of the size class that has most bytes.
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

    /// Returns all of it to the system.
    func unmap() {
      for (size, pointers) in buffers.enumerated() {
        for pointer in pointers where munmap(pointer, BufferPool.byteCount(ofClass: size)) != 0 {
          // Unmapping between two other mappings would add a mapping, and the process has reached its limit. The
          // address is lost, not the memory.
          madvise(pointer, BufferPool.byteCount(ofClass: size), MADV_DONTNEED)
        }
      }
    }
  }

  /// Below 64 KiB, malloc is as fast.
  private static let smallestClass = 16
  /// Buffers of 16 and 32 MiB are for packs, and half empty. A few are kept, beyond the limit.
  private static let packClass = 24
  private static let largestClass = 25
  private static let idlePackCount = 3
  /// The bytes that a buffer has in addition to its power of two.
  private static let pageByteCount = 4096

  let idle: Locked<Idle>

  /// An empty pool that keeps at most `idleByteLimit` unused bytes.
  init(idleByteLimit: Int) {
    idle = Locked(Idle(byteLimit: idleByteLimit))
  }

  /// Uninitialized memory of `byteCount` bytes, until it is given back. Aligned to 16 bytes.
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

  /// Whether the lent bytes are below the limit.
  public var hasRoom: Bool { idle.withLock { $0.lentByteCount < $0.lentByteLimit } }

  /// Sets the limit for `hasRoom`.
  public func limitLent(to byteCount: Int) {
    idle.withLock { $0.lentByteLimit = byteCount }
  }

  /// Takes back memory that `take` has returned.
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

  /// Keeps at most `byteCount` unused bytes from now on.
  public func limitIdle(to byteCount: Int) {
    let surplus = idle.withLock { idle in
      idle.byteLimit = byteCount
      return idle.removeSurplus()
    }
    surplus.unmap()
  }

  /// Returns everything that is idle to the system.
  public func trim() {
    let unused: Idle = idle.withLock { idle in
      var unused = Idle()
      swap(&unused.buffers, &idle.buffers)
      idle.byteCount = 0
      return unused
    }
    unused.unmap()
  }

  /// As `map`. If the system has no memory, returns idle memory to the system, and then waits for others.
  private func mapOrWait(_ size: Int) -> UnsafeMutableRawPointer {
    for _ in 0..<Self.mapAttempts {
      if let pointer = Self.map(size) { return pointer }
      trim()
      if let pointer = Self.map(size) { return pointer }
      usleep(Self.mapPause)
    }
    preconditionFailure("no memory for a buffer")
  }

  /// How often memory is requested again, and the microseconds between requests: a minute in all.
  private static let mapAttempts = 6000
  private static let mapPause: UInt32 = 10_000

  /// Pages of their own, outside malloc's heap: there, freed memory stays between memory in use. Nil if the system has
  /// none left.
  private static func map(_ size: Int) -> UnsafeMutableRawPointer? {
    let count = byteCount(ofClass: size)
    let pointer = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let pointer, pointer != MAP_FAILED else { return nil }
    // Only kernels without core dumps refuse this.
    madvise(pointer, count, MADV_DONTDUMP)
    return pointer
  }

  /// The power of two that holds `byteCount` bytes; nil if the pool has no class for it.
  private static func sizeClass(of byteCount: Int) -> Int? {
    guard byteCount > 1 << (smallestClass - 1), byteCount <= Self.byteCount(ofClass: largestClass) else { return nil }
    return max(smallestClass, Int.bitWidth - max(byteCount - pageByteCount - 1, 0).leadingZeroBitCount)
  }

  /// The capacity of a buffer of the class `size`.
  private static func byteCount(ofClass size: Int) -> Int { 1 << size + pageByteCount }

  /// A pointer on its way into or out of the lock.
  private struct SendablePointer: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
  }
}
