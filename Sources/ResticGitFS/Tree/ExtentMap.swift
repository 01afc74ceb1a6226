import ResticCore

/// A regular file's content: which bytes are in which blob, in memory, or zero.
///
/// Invariants:
/// 1. `extents` are in order, without gap or overlap, none is empty; the first starts at 0, the last ends at `byteCount`.
/// 2. `bufferedByteCount` is the sum of the extents held in `WriteBuffer`s; `droppedByteCount` never falls.
///
/// A value: copying it freezes the content at one instant (`WriteBuffer` is append-only).
struct ExtentMap: Sendable {
  /// Where the bytes of an extent are.
  enum Source: Sendable {
    /// In a stored data blob, from byte `skip` on. `endsAtCut`: the blob ends at a cut of the chunker, not at the end
    /// of a file.
    case blob(BlobID, wholeByteCount: UInt32, skip: UInt32, endsAtCut: Bool)
    /// In memory, from byte `start` on.
    case buffer(WriteBuffer, start: Int)
    /// Nowhere: a hole.
    case zeros
  }

  /// A run of bytes from one source.
  struct Extent: Sendable {
    /// Where it starts in the file.
    var offset: UInt64
    /// Its length, never 0.
    var byteCount: UInt64
    /// Where its bytes are.
    var source: Source

    /// Where it ends in the file.
    var end: UInt64 { offset + byteCount }

    /// Whether its bytes are in memory only.
    var isBuffered: Bool {
      if case .buffer = source { true } else { false }
    }

    /// Whether both are the same bytes in the same place, rather than merely equal bytes.
    func isSame(as other: Extent) -> Bool {
      guard offset == other.offset, byteCount == other.byteCount else { return false }
      return switch (source, other.source) {
      case (.blob(let id, _, let skip, _), .blob(let otherID, _, let otherSkip, _)): id == otherID && skip == otherSkip
      case (.buffer(let buffer, let start), .buffer(let otherBuffer, let otherStart)):
        buffer === otherBuffer && start == otherStart
      case (.zeros, .zeros): true
      case (.blob, _), (.buffer, _), (.zeros, _): false
      }
    }

    /// The part of it inside `range`, which must overlap it.
    func clipped(to range: Range<UInt64>) -> Extent {
      let start = max(offset, range.lowerBound)
      let skipped = start - offset
      let source: Source =
        switch source {
        case .blob(let id, let whole, let skip, let endsAtCut):
          .blob(id, wholeByteCount: whole, skip: skip + UInt32(skipped), endsAtCut: endsAtCut)
        case .buffer(let buffer, let bufferStart): .buffer(buffer, start: bufferStart + Int(skipped))
        case .zeros: .zeros
        }
      return Extent(offset: start, byteCount: min(end, range.upperBound) - start, source: source)
    }
  }

  /// All extents, in order.
  private(set) var extents: [Extent] = []
  /// The file's size.
  private(set) var byteCount: UInt64 = 0
  /// How many bytes are in memory.
  private(set) var bufferedByteCount: UInt64 = 0
  /// How many bytes in memory have ever been replaced by something else.
  private(set) var droppedByteCount: UInt64 = 0

  /// Write buffers grow with the file: a file written at once takes no more memory than it needs, and a large file has
  /// few extents.
  private static let bufferCapacities = 64...(1 << 20)

  /// An empty file.
  init() {}

  /// The content of consecutive `chunks`.
  init(chunks: some Sequence<StoredChunk>) {
    for chunk in chunks where chunk.byteCount > 0 {
      extents.append(Extent(offset: byteCount, byteCount: UInt64(chunk.byteCount), source: chunk.source))
      byteCount += UInt64(chunk.byteCount)
    }
  }

  /// The extents that overlap `range`, clipped to it and to the end of the file.
  func slices(in range: Range<UInt64>) -> [Extent] {
    let range = range.clamped(to: 0..<byteCount)
    guard !range.isEmpty else { return [] }
    var slices: [Extent] = []
    for extent in extents[index(endingAfter: range.lowerBound)...] {
      guard extent.offset < range.upperBound else { break }
      slices.append(extent.clipped(to: range))
    }
    return slices
  }

  /// The extent that starts exactly at `offset` and is a whole blob, which a chunker that begins there would cut again.
  func wholeBlob(at offset: UInt64) -> StoredChunk? {
    guard offset < byteCount else { return nil }
    let extent = extents[index(endingAfter: offset)]
    guard extent.offset == offset, case .blob(let id, let whole, 0, let endsAtCut) = extent.source,
      extent.byteCount == UInt64(whole), endsAtCut || extent.end == byteCount
    else { return nil }
    return StoredChunk(id: id, byteCount: whole, endsAtCut: endsAtCut)
  }

  /// The first offset after `offset` at which a whole blob starts where a chunker may get back into step.
  func nextWholeBlob(after offset: UInt64) -> UInt64? {
    guard offset < byteCount else { return nil }
    return extents[index(endingAfter: offset)...].first { $0.offset > offset && wholeBlob(at: $0.offset) != nil }?
      .offset
  }

  /// How many of the bytes in `range` are in memory.
  func bufferedByteCount(in range: Range<UInt64>) -> UInt64 {
    Self.bufferedByteCount(of: slices(in: range)[...])
  }

  /// Replaces the bytes at `offset` by the `chunk` that stores them, if they are still those of `slices`.
  mutating func replace(at offset: UInt64, by chunk: StoredChunk, ifStill slices: [Extent]) {
    let range = offset..<offset + UInt64(chunk.byteCount)
    if contains(slices, in: range) { replace(range, with: chunk.source) }
  }

  /// Whether `slices` are still the content of `range`.
  func contains(_ slices: [Extent], in range: Range<UInt64>) -> Bool {
    range.upperBound <= byteCount && self.slices(in: range).elementsEqual(slices) { $0.isSame(as: $1) }
  }

  /// The file up to the first hole in its last `window` bytes. Such a hole is most likely a write that has not arrived:
  /// the kernel has many writes under way, and they arrive in any order.
  func settled(window: UInt64) -> ExtentMap {
    guard byteCount > 0 else { return self }
    let start = byteCount > window ? byteCount - window : 0
    let hole = extents[index(endingAfter: start)...].first { extent in
      if case .zeros = extent.source { true } else { false }
    }
    guard let hole else { return self }
    var settled = self
    settled.truncate(to: hole.offset)
    return settled
  }

  /// The bytes that the file would need on a disk: everything except its holes.
  var allocatedByteCount: UInt64 {
    extents.reduce(0) { sum, extent in
      if case .zeros = extent.source { sum } else { sum + extent.byteCount }
    }
  }

  /// Replaces the bytes at `offset` by a copy of `bytes`; a gap after the old end becomes a hole.
  mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
    if offset > byteCount { truncate(to: offset) }
    var rest = bytes
    var position = offset
    if let (buffer, start) = appendableBuffer(endingAt: position) {
      let count = buffer.append(rest)
      replace(position..<position + UInt64(count), with: .buffer(buffer, start: start))
      position += UInt64(count)
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    guard !rest.isEmpty else { return }
    let capacities = Self.bufferCapacities
    let grown =
      position == byteCount ? min(max(Int(clamping: byteCount), capacities.lowerBound), capacities.upperBound) : 0
    let buffer = WriteBuffer(capacity: max(rest.count, grown))
    buffer.append(rest)
    replace(position..<position + UInt64(rest.count), with: .buffer(buffer, start: 0))
  }

  /// As `write(_:at:)`, with bytes that are already in a buffer, so that nothing is copied under the lock.
  mutating func write(_ buffer: WriteBuffer, at offset: UInt64) {
    if offset > byteCount { truncate(to: offset) }
    guard buffer.byteCount > 0 else { return }
    replace(offset..<offset + UInt64(buffer.byteCount), with: .buffer(buffer, start: 0))
  }

  /// Cuts the file at `newByteCount`, or extends it with a hole to that size.
  mutating func truncate(to newByteCount: UInt64) {
    if newByteCount > byteCount {
      replace(byteCount..<newByteCount, with: .zeros)
    } else if newByteCount < byteCount {
      replace(newByteCount..<byteCount, with: nil)
      byteCount = newByteCount
    }
  }

  /// Turns the existing bytes of `range` into a hole.
  mutating func punch(_ range: Range<UInt64>) {
    let range = range.clamped(to: 0..<byteCount)
    if !range.isEmpty { replace(range, with: .zeros) }
  }

  /// The first extent that ends after `offset`, which is less than `byteCount`.
  private func index(endingAfter offset: UInt64) -> Int {
    var low = 0
    var high = extents.count
    while low < high {
      let middle = (low + high) / 2
      if extents[middle].end <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The buffer whose last written byte is the file's byte before `offset`, if it has room, and the position in it.
  private func appendableBuffer(endingAt offset: UInt64) -> (WriteBuffer, start: Int)? {
    guard offset > 0 else { return nil }
    let extent = extents[index(endingAfter: offset - 1)]
    guard extent.end == offset, case .buffer(let buffer, let start) = extent.source,
      start + Int(extent.byteCount) == buffer.byteCount, buffer.byteCount < buffer.capacity
    else { return nil }
    return (buffer, buffer.byteCount)
  }

  /// Replaces `range`, which starts inside the file or at its end, by `source` (nil: nothing).
  private mutating func replace(_ range: Range<UInt64>, with source: Source?) {
    guard !range.isEmpty else { return }
    let first = index(endingAfter: range.lowerBound)
    var last = first
    while last < extents.count, extents[last].offset < range.upperBound { last += 1 }
    var replacement: [Extent] = []
    if first < last, extents[first].offset < range.lowerBound {
      replacement.append(extents[first].clipped(to: extents[first].offset..<range.lowerBound))
    }
    if let source {
      replacement.append(
        Extent(offset: range.lowerBound, byteCount: range.upperBound - range.lowerBound, source: source))
    }
    if first < last, extents[last - 1].end > range.upperBound {
      replacement.append(extents[last - 1].clipped(to: range.upperBound..<extents[last - 1].end))
    }
    let before = Self.bufferedByteCount(of: extents[first..<last])
    let after = Self.bufferedByteCount(of: replacement[...])
    let isBuffer = if case .buffer = source { true } else { false }
    let added = isBuffer ? range.upperBound - range.lowerBound : 0
    droppedByteCount += before + added - after
    bufferedByteCount = bufferedByteCount - before + after
    byteCount = max(byteCount, range.upperBound)
    if first == last, let only = replacement.first, replacement.count == 1 {
      insert(only, at: first)
    } else {
      extents.replaceSubrange(first..<last, with: replacement)
    }
  }

  /// Inserts an extent, or extends the one before if the two are one run.
  private mutating func insert(_ extent: Extent, at index: Int) {
    if index > 0 {
      switch (extents[index - 1].source, extent.source) {
      case (.zeros, .zeros):
        extents[index - 1].byteCount += extent.byteCount
        return
      case (.buffer(let previous, let start), .buffer(let buffer, let next))
      where previous === buffer && start + Int(extents[index - 1].byteCount) == next:
        extents[index - 1].byteCount += extent.byteCount
        return
      default: break
      }
    }
    extents.insert(extent, at: index)
  }

  private static func bufferedByteCount(of extents: ArraySlice<Extent>) -> UInt64 {
    extents.reduce(0) { sum, extent in
      extent.isBuffered ? sum + extent.byteCount : sum
    }
  }
}
