import ResticCore

/// The bytes in memory that a running commit holds although their files have released them: they were overwritten, cut
/// off, stored in the background or deleted since the tree was frozen.
struct FrozenContent: Sendable {
  private struct File {
    /// The bytes of the file that the frozen tree holds.
    var byteCount: UInt64
    /// `ExtentMap.droppedByteCount` when the tree was frozen.
    var droppedBefore: UInt64
    /// How many of the bytes the file has released.
    var heldByteCount: UInt64 = 0
  }

  private var files: [InodeNumber: File] = [:]
  /// How many bytes there are in all. This is an upper bound: bytes written and overwritten since then count until the
  /// frozen tree has released all of the file.
  private(set) var byteCount: UInt64 = 0

  /// Records a file that is frozen with `content`.
  mutating func add(_ number: InodeNumber, _ content: ExtentMap) {
    guard content.bufferedByteCount > 0 else { return }
    files[number] = File(byteCount: content.bufferedByteCount, droppedBefore: content.droppedByteCount)
  }

  /// Records that a file has dropped `dropped` bytes from memory in its life or, with nil, all that it had.
  mutating func note(_ number: InodeNumber, dropped: UInt64?) {
    guard let index = files.index(forKey: number) else { return }
    let file = files.values[index]
    let held = dropped.map { min($0 - min($0, file.droppedBefore), file.byteCount) } ?? file.byteCount
    // A file that was truncated to nothing may be written again: the commit still holds its bytes.
    guard held > file.heldByteCount else { return }
    byteCount += held - file.heldByteCount
    files.values[index].heldByteCount = held
  }
}
