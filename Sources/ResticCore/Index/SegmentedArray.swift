/// An array that grows by segments of a fixed number of elements, so that growing never copies or doubles the existing
/// elements.
///
/// At most one segment's worth of memory is unused. Append and access by position are constant time.
struct SegmentedArray<Element>: ~Copyable {
  /// Elements in a segment; a power of two, so that a position is split by shift and mask.
  static var segmentCapacity: Int { 4096 }

  private var segments: [ContiguousArray<Element>] = []
  private(set) var count = 0

  init() {}

  /// The bytes allocated for elements, used or not.
  var byteCount: Int {
    segments.reduce(0) { $0 + $1.capacity * MemoryLayout<Element>.stride }
  }

  mutating func append(_ element: Element) {
    if count == segments.count * Self.segmentCapacity {
      var segment = ContiguousArray<Element>()
      segment.reserveCapacity(Self.segmentCapacity)
      segments.append(segment)
    }
    segments[segments.count - 1].append(element)
    count += 1
  }

  subscript(position: Int) -> Element {
    get { segments[position / Self.segmentCapacity][position % Self.segmentCapacity] }
    set { segments[position / Self.segmentCapacity][position % Self.segmentCapacity] = newValue }
  }

  /// Keeps the first `newCount` elements and frees the segments behind them.
  mutating func truncate(to newCount: Int) {
    precondition(newCount <= count, "truncation does not grow")
    let segmentCount = (newCount + Self.segmentCapacity - 1) / Self.segmentCapacity
    segments.removeLast(segments.count - segmentCount)
    if let last = segments.indices.last {
      segments[last].removeLast(segments[last].count - (newCount - last * Self.segmentCapacity))
    }
    count = newCount
  }
}
