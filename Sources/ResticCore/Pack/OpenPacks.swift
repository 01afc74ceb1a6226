/// The packs that still take blobs: two of each type, chosen at random.
///
/// With one pack the sizes of packs would show where a known file is cut into chunks, and so something of the secret
/// polynomial. Source: restic, packer_manager.go.
struct OpenPacks {
  private static let packsPerType = 2

  private var data = [PackBuilder?](repeating: nil, count: packsPerType)
  private var trees = [PackBuilder?](repeating: nil, count: packsPerType)

  /// Puts `blob` into a pack; returns the pack if that made it full. A blob of the target size or more gets one alone.
  mutating func append(_ blob: SealedBlob, target: Int) -> PackBuilder? {
    if blob.bytes.count >= target {
      var pack = PackBuilder(type: blob.type)
      pack.append(blob)
      return pack
    }
    let number = Int.random(in: 0..<Self.packsPerType)
    return blob.type == .data
      ? Self.append(blob, to: &data[number], target: target) : Self.append(blob, to: &trees[number], target: target)
  }

  private static func append(_ blob: SealedBlob, to slot: inout PackBuilder?, target: Int) -> PackBuilder? {
    // Moved out while it changes, so that its array is not copied.
    var pack = slot.take() ?? PackBuilder(type: blob.type)
    pack.append(blob)
    if pack.isFull(target: target) { return pack }
    slot = pack
    return nil
  }

  /// Closes all packs. Two of one type become one where they fit: a small commit writes one pack of each type.
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
