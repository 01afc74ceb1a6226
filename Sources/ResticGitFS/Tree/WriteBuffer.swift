import ResticCore

/// Memory that holds bytes written to a file until they are stored in the repository.
///
/// Append-only: bytes below `byteCount` never change, so an `ExtentMap` copied for a commit can still read them while
/// the file system appends after them. An overwrite makes a new buffer and clips the extents that point into the old
/// one.
///
/// Ownership: `append` is called under the file system's lock only. Bytes named by an extent may be read from any
/// thread: the extent was copied under that lock, after they were written.
final class WriteBuffer: @unchecked Sendable {
  /// How many bytes are written.
  private(set) var byteCount = 0
  /// All of the memory, which goes back to the pool.
  private let whole: UnsafeMutableRawBufferPointer
  /// The part of it that holds the bytes.
  private let memory: UnsafeMutableRawBufferPointer

  /// The most bytes it can hold.
  var capacity: Int { memory.count }

  /// An empty buffer of `capacity` bytes.
  init(capacity: Int) {
    precondition(capacity > 0, "a buffer holds something")
    whole = BufferPool.shared.take(byteCount: capacity)
    memory = whole
  }

  /// A full buffer with a copy of `bytes`.
  convenience init(copying bytes: UnsafeRawBufferPointer) {
    self.init(capacity: max(bytes.count, 1))
    append(bytes)
  }

  /// A full buffer with the bytes in `range` of `whole`, which comes from the pool and belongs to the buffer from now
  /// on.
  init(taking whole: UnsafeMutableRawBufferPointer, bytesIn range: Range<Int>) {
    self.whole = whole
    memory = UnsafeMutableRawBufferPointer(rebasing: whole[range])
    byteCount = range.count
  }

  deinit {
    BufferPool.shared.giveBack(whole)
  }

  /// Appends as much of `bytes` as there is room for, and returns how many that were.
  @discardableResult
  func append(_ bytes: UnsafeRawBufferPointer) -> Int {
    let count = min(bytes.count, capacity - byteCount)
    UnsafeMutableRawBufferPointer(rebasing: memory[byteCount..<byteCount + count])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    byteCount += count
    return count
  }

  /// Copies the bytes from `start` on to `target`, as many as it takes.
  func copy(from start: Int, to target: UnsafeMutableRawBufferPointer) {
    precondition(start >= 0 && start + target.count <= byteCount, "an extent names written bytes only")
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[start..<start + target.count]))
  }
}
