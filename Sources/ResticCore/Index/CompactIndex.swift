/// Every stored blob and its place, in at most 62 bytes for each blob.
///
/// Layout: 48-byte entries in segments that never move, an open-addressing table of 4-byte entry numbers (linear probing;
/// ids are hashes already, so their first word scaled to the table is the home position), and the pack ids in an array of
/// their own: 48 + 4 / 0.53…0.8 + 32 / blobs a pack.
///
/// Invariants:
/// 1. Every entry is in the table exactly once, reachable from its home position without an empty slot between.
/// 2. The table is at most four fifths full.
/// 3. A blob has one entry for each (index file, pack) that names it: duplicates are kept, so that another copy can be
///    read if one is damaged, and forgetting one index file does not remove what another one lists.
/// 4. A pack slot belongs to at most one index file: `slots(of:)`. A slot that belongs to none is a pack of this
///    process that no index file names yet; `forget(files:)` never forgets it.
///
/// Not synchronised: `BlobDirectory` holds it, under the repository's lock.
struct CompactIndex: ~Copyable {
  /// 48 bytes.
  private struct Entry {
    let id: BlobID
    /// Bits 0…30 the pack's slot, bit 31 set for trees.
    var slotAndType: UInt32
    let offset: UInt32
    let length: UInt32
    /// Zero for a blob stored uncompressed.
    let uncompressedLength: UInt32

    static let treeBit: UInt32 = 1 << 31

    var slot: Int { Int(slotAndType & ~Self.treeBit) }
    var type: BlobType { slotAndType & Self.treeBit == 0 ? .data : .tree }
  }

  private static let empty = UInt32.max

  private var entries = SegmentedArray<Entry>()
  private var table = ContiguousArray<UInt32>()
  private var packs = SegmentedArray<PackID>()
  private var slotsByFile: [IndexID: [Range<Int>]] = [:]

  init() {}

  /// Entries, duplicates included.
  var count: Int { entries.count }

  /// The index files whose packs are in this index.
  var files: Set<IndexID> { Set(slotsByFile.keys) }

  /// The bytes allocated for entries, table and pack ids.
  var byteCount: Int {
    entries.byteCount + table.capacity * MemoryLayout<UInt32>.stride + packs.byteCount
  }

  // MARK: Adding

  /// Adds the content of the index file `file`.
  mutating func insert(file: IndexID, packs: [IndexFile.Pack]) {
    let first = self.packs.count
    for pack in packs { insert(pack) }
    slotsByFile[file, default: []].append(first..<self.packs.count)
  }

  /// Adds a pack that no index file names yet; returns its slot for `assign(slots:to:)`.
  @discardableResult
  mutating func insert(_ pack: IndexFile.Pack) -> Int {
    let slot = packs.count
    precondition(slot < Int(Entry.treeBit), "more packs than a slot number can tell apart")
    packs.append(pack.id)
    grow(for: pack.blobs.count)
    for blob in pack.blobs {
      let typeBit = blob.type == .tree ? Entry.treeBit : 0
      entries.append(
        Entry(
          id: blob.id, slotAndType: UInt32(slot) | typeBit, offset: blob.offset, length: blob.length,
          uncompressedLength: blob.uncompressedLength ?? 0))
      enter(entries.count - 1, home: home(of: blob.id))
    }
    return slot
  }

  /// Records that `file` now names the packs in `slots`.
  mutating func assign(slots: [Int], to file: IndexID) {
    slotsByFile[file, default: []] += slots.map { $0..<$0 + 1 }
  }

  // MARK: Looking up

  /// The candidates that are in no index file and not among this process's packs.
  func unknownPacks(among candidates: Set<PackID>) -> Set<PackID> {
    var unknown = candidates
    for slot in 0..<packs.count where !unknown.isEmpty { unknown.remove(packs[slot]) }
    return unknown
  }

  /// Whether a copy of the blob is stored.
  func contains(_ key: BlobKey) -> Bool {
    firstEntry(of: key) != nil
  }

  /// The plaintext size of the blob in bytes, or nil if it is not stored.
  func plaintextByteCount(of key: BlobKey) -> Int? {
    firstEntry(of: key).map { location(of: $0).plaintextByteCount }
  }

  /// Every stored copy of the blob, each place once.
  func locations(of key: BlobKey) -> [BlobLocation] {
    var found: [BlobLocation] = []
    forEachEntry(of: key) { entry in
      let place = location(of: entry)
      if !found.contains(place) { found.append(place) }
      return true
    }
    return found
  }

  // MARK: Forgetting

  /// Removes what only the index files in `files` listed, and the packs in `slots`, which belong to no index file.
  ///
  /// Slots change: returns the new number of each old one (meaningless for those removed). Works in place, in the order
  /// of the entries, without a second copy of them.
  mutating func forget(files: Set<IndexID> = [], slots: [Int] = []) -> [Int] {
    var isGone = [Bool](repeating: false, count: packs.count)
    for slot in slots { isGone[slot] = true }
    for file in files {
      for range in slotsByFile.removeValue(forKey: file) ?? [] {
        for slot in range { isGone[slot] = true }
      }
    }
    var newSlots = [Int](repeating: 0, count: isGone.count)
    var slotCount = 0
    for slot in 0..<isGone.count {
      newSlots[slot] = slotCount
      if isGone[slot] { continue }
      packs[slotCount] = packs[slot]
      slotCount += 1
    }
    guard slotCount < isGone.count else { return newSlots }
    packs.truncate(to: slotCount)
    for (file, ranges) in slotsByFile {
      // All packs of a file are removed together, so a remaining range keeps its length.
      slotsByFile[file] = ranges.map { range in
        let first = range.isEmpty ? 0 : newSlots[range.lowerBound]
        return first..<first + range.count
      }
    }
    var entryCount = 0
    for number in 0..<entries.count {
      var entry = entries[number]
      if isGone[entry.slot] { continue }
      entry.slotAndType = UInt32(newSlots[entry.slot]) | (entry.slotAndType & Entry.treeBit)
      entries[entryCount] = entry
      entryCount += 1
    }
    entries.truncate(to: entryCount)
    rebuildTable(capacity: table.count)
    return newSlots
  }

  // MARK: The table

  /// Where the search for `id` begins: the first word, scaled, because ids are uniformly distributed.
  private func home(of id: BlobID) -> Int {
    Int(id.prefix.multipliedFullWidth(by: UInt64(table.count)).high)
  }

  private mutating func enter(_ number: Int, home: Int) {
    var position = home
    while table[position] != Self.empty {
      position += 1
      if position == table.count { position = 0 }
    }
    table[position] = UInt32(number)
  }

  /// Makes room for `more` entries, growing the table by half at least.
  private mutating func grow(for more: Int) {
    let needed = entries.count + more
    precondition(needed < Int(Self.empty), "more blobs than an entry number can tell apart")
    guard needed * 5 > table.count * 4 else { return }
    rebuildTable(capacity: max(needed * 5 / 4 + 1, table.count * 3 / 2, 64))
  }

  private mutating func rebuildTable(capacity: Int) {
    // Freed before its successor is allocated: the entries alone suffice to rebuild it.
    table = []
    table = ContiguousArray(repeating: Self.empty, count: capacity)
    for number in 0..<entries.count { enter(number, home: home(of: entries[number].id)) }
  }

  /// Calls `body` for the entries of `key` until it returns false.
  private func forEachEntry(of key: BlobKey, _ body: (Entry) -> Bool) {
    guard !table.isEmpty else { return }
    var position = home(of: key.id)
    while table[position] != Self.empty {
      let entry = entries[Int(table[position])]
      if entry.id == key.id, entry.type == key.type, !body(entry) { return }
      position += 1
      if position == table.count { position = 0 }
    }
  }

  private func firstEntry(of key: BlobKey) -> Entry? {
    var found: Entry?
    forEachEntry(of: key) { entry in
      found = entry
      return false
    }
    return found
  }

  private func location(of entry: Entry) -> BlobLocation {
    BlobLocation(
      pack: packs[entry.slot], offset: entry.offset, length: entry.length,
      uncompressedLength: entry.uncompressedLength == 0 ? nil : entry.uncompressedLength)
  }
}
