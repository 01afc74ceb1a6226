/// The packs that still accept blobs: two of each type, chosen at random.
///
/// With a single pack, pack sizes would reveal where a known file is cut into chunks, and so part of the secret
/// polynomial.
/// Source: restic, packer_manager.go.
struct OpenPacks {
  private static let packsPerType = 2
  /// Room for exceeding the target: most blobs are no longer.
  private static let lastBlobRoom = 2 << 20
  /// Room for the header after a single blob.
  private static let headerRoom = 128

  private var data = [PackBuilder?](repeating: nil, count: packsPerType)
  private var trees = [PackBuilder?](repeating: nil, count: packsPerType)

  /// The bytes of all blobs in them.
  var byteCount: Int { (data + trees).reduce(0) { $0 + ($1?.byteCount ?? 0) } }

  /// The place of a blob.
  struct Placement {
    /// The pack that holds the blob, and where in the pack.
    var content: PackContent
    var range: Range<Int>
    /// The pack, if the blob made it full.
    var full: PackBuilder?
  }

  /// Puts `blob` into a pack. A blob of the target size or more gets a pack of its own.
  mutating func append(_ blob: SealedBlob, target: Int) -> Placement {
    if blob.bytes.byteCount >= target {
      var pack = PackBuilder(type: blob.type, target: blob.bytes.byteCount + Self.headerRoom)
      let range = pack.append(blob)
      return Placement(content: pack.content, range: range, full: pack)
    }
    let number = Int.random(in: 0..<Self.packsPerType)
    return blob.type == .data
      ? Self.append(blob, to: &data[number], target: target) : Self.append(blob, to: &trees[number], target: target)
  }

  private static func append(_ blob: SealedBlob, to slot: inout PackBuilder?, target: Int) -> Placement {
    // Moved out while it changes, so that its array is not copied. The last blob may exceed the target.
    var pack = slot.take() ?? PackBuilder(type: blob.type, target: target + Self.lastBlobRoom)
    let range = pack.append(blob)
    let isFull = pack.isFull(target: target)
    if !isFull { slot = pack }
    return Placement(content: pack.content, range: range, full: isFull ? pack : nil)
  }

  /// Closes all packs. Two of one type are merged if they fit: a small commit writes one pack of each type.
  mutating func takeAll(target: Int) -> [PackBuilder] {
    defer { self = OpenPacks() }
    return Self.merged(data, target: target) + Self.merged(trees, target: target)
  }

  private static func merged(_ packs: [PackBuilder?], target: Int) -> [PackBuilder] {
    packs.compactMap(\.self).reduce(into: []) { merged, pack in
      guard let last = merged.indices.last, merged[last].merge(pack, target: target) else {
        merged.append(pack)
        return
      }
    }
  }
}
