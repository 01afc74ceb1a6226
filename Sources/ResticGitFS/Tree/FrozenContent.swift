import ResticCore

/// The bytes in memory that a commit under way holds although their files have let go of them: overwritten, cut off, stored
/// in the background or deleted since the tree was frozen.
struct FrozenContent: Sendable {
  private struct File {
    /// What the frozen tree holds of it.
    var byteCount: UInt64
    /// `ExtentMap.droppedByteCount` when it was frozen.
    var droppedBefore: UInt64
    /// How many of the bytes the file has let go of.
    var heldByteCount: UInt64 = 0
  }

  private var files: [InodeNumber: File] = [:]
  /// How many bytes there are in all. At most: what was written and overwritten since counts until the frozen tree holds no
  /// more of that file.
  private(set) var byteCount: UInt64 = 0

  /// Notes a file that is frozen with `content`.
  mutating func add(_ number: InodeNumber, _ content: ExtentMap) {
    guard content.bufferedByteCount > 0 else { return }
    files[number] = File(byteCount: content.bufferedByteCount, droppedBefore: content.droppedByteCount)
  }

  /// Notes that a file has dropped `dropped` bytes from memory in its life, or, with nil, all that it had.
  mutating func note(_ number: InodeNumber, dropped: UInt64?) {
    guard let index = files.index(forKey: number) else { return }
    let file = files.values[index]
    let held = dropped.map { min($0 - min($0, file.droppedBefore), file.byteCount) } ?? file.byteCount
    // A file that was cut to nothing may be written anew: what the commit holds of it stays.
    guard held > file.heldByteCount else { return }
    byteCount += held - file.heldByteCount
    files.values[index].heldByteCount = held
  }
}
