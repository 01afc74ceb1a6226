/// Neighbouring blobs of one pack that are loaded with one request.
struct ReadGroup: Hashable, Sendable {
  /// One of the blobs.
  struct Item: Hashable, Sendable {
    let id: BlobID
    let location: BlobLocation
  }

  /// The most unused bytes that are loaded between two blobs.
  /// Source: restic, maxUnusedRange.
  static let maximumGap = 1 << 20
  /// The maximum size of a request, unless a single blob is larger.
  /// Source: restic, MaxStreamBufferSize.
  static let maximumByteCount = 32 << 20

  let pack: PackID
  private(set) var items: [Item]
  /// The bytes of the pack to load.
  private(set) var range: Range<Int>

  private init(_ item: Item) {
    pack = item.location.pack
    items = [item]
    range = item.location.range
  }

  /// The fewest requests that load `items`, each within the two limits.
  static func plan(_ items: [Item]) -> [ReadGroup] {
    let sorted = items.sorted { ($0.location.pack, $0.location.offset) < ($1.location.pack, $1.location.offset) }
    return sorted.reduce(into: []) { groups, item in
      guard let last = groups.indices.last, groups[last].takes(item) else {
        groups.append(ReadGroup(item))
        return
      }
      groups[last].items.append(item)
      let end = max(groups[last].range.upperBound, item.location.range.upperBound)
      groups[last].range = groups[last].range.lowerBound..<end
    }
  }

  private func takes(_ item: Item) -> Bool {
    item.location.pack == pack
      && item.location.range.lowerBound - range.upperBound <= Self.maximumGap
      && item.location.range.upperBound - range.lowerBound <= Self.maximumByteCount
  }
}
