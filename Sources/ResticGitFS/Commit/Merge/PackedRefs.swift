import ResticCore

/// A `packed-refs` file: many refs in one sorted file.
///
/// Layout: a header `# pack-refs with: TRAIT…`, then a line `ID NAME` for each ref, followed by `^ID` with the object that an
/// annotated tag leads to. Source: `refs/packed-backend.c` of git 2.39; checked by `PackedRefsTests`.
struct PackedRefs: Hashable, Sendable {
  /// One ref.
  struct Entry: Hashable, Sendable {
    var name: RefName
    /// 40 or 64 hex digits.
    var id: [UInt8]
    /// The object that the tag leads to; nil: not an annotated tag, or not known.
    var peeled: [UInt8]?
  }

  /// The refs, sorted by name, each once.
  private(set) var entries: [Entry]
  /// Whether every annotated tag has its `peeled`.
  private(set) var isFullyPeeled: Bool

  /// No refs.
  static let empty = PackedRefs(entries: [], isFullyPeeled: true)

  /// About a million refs.
  static let byteLimit = 64 << 20

  private init(entries: [Entry], isFullyPeeled: Bool) {
    self.entries = entries
    self.isFullyPeeled = isFullyPeeled
  }

  /// The refs in a file with these bytes; nil if git would refuse the file or one of its names, which must not leave
  /// `refs`.
  init?(_ bytes: [UInt8]) {
    var entries: [Entry] = []
    var isFullyPeeled = false
    var isSorted = true
    guard bytes.isEmpty || bytes.last == UInt8(ascii: "\n") else { return nil }
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
      switch line[line.startIndex] {
      case UInt8(ascii: "#"):
        if entries.isEmpty, line.starts(with: Self.header) {
          isFullyPeeled = line.split(separator: UInt8(ascii: " ")).contains { $0.elementsEqual("fully-peeled".utf8) }
        }
      case UInt8(ascii: "^"):
        let id = line.dropFirst()
        guard !entries.isEmpty, id.isObjectID else { return nil }
        entries[entries.count - 1].peeled = Array(id)
      default:
        guard let space = line.firstIndex(of: UInt8(ascii: " ")) else { return nil }
        let id = line[..<space]
        let name = RefName(line[(space + 1)...])
        guard id.isObjectID, name.isLooseFile else { return nil }
        if let last = entries.last, name <= last.name { isSorted = false }
        entries.append(Entry(name: name, id: Array(id), peeled: nil))
      }
    }
    if !isSorted {
      var byName: [RefName: Entry] = [:]
      for entry in entries { byName[entry.name] = entry }
      entries = byName.values.sorted { $0.name < $1.name }
    }
    self.init(entries: entries, isFullyPeeled: isFullyPeeled || entries.isEmpty)
  }

  private static let header = Array("# pack-refs with:".utf8)

  /// The file as git would write it.
  func encode() -> [UInt8] {
    var bytes = Self.header
    bytes += Array((isFullyPeeled ? " peeled fully-peeled sorted \n" : " sorted \n").utf8)
    for entry in entries {
      bytes += entry.id
      bytes.append(UInt8(ascii: " "))
      bytes += entry.name.bytes
      bytes.append(UInt8(ascii: "\n"))
      guard let peeled = entry.peeled else { continue }
      bytes.append(UInt8(ascii: "^"))
      bytes += peeled
      bytes.append(UInt8(ascii: "\n"))
    }
    return bytes
  }

  /// The ref of that name.
  subscript(name: RefName) -> Entry? {
    let index = firstIndex(from: name)
    return index < entries.count && entries[index].name == name ? entries[index] : nil
  }

  /// The names in the folder `folder`.
  func names(in folder: RefName) -> some Sequence<RefName> {
    let first = firstIndex(from: RefName(folder.bytes + [UInt8(ascii: "/")]))
    return entries[first...].lazy.map(\.name).prefix { folder.isFolder(of: $0) }
  }

  /// The names whose ids differ, or that only one file has.
  func differences(from other: PackedRefs) -> [RefName] {
    if self == other { return [] }
    var names: [RefName] = []
    var (left, right) = (entries[...], other.entries[...])
    while let first = left.first, let second = right.first {
      if first.name == second.name {
        if first.id != second.id { names.append(first.name) }
        left.removeFirst()
        right.removeFirst()
      } else if first.name < second.name {
        names.append(left.removeFirst().name)
      } else {
        names.append(right.removeFirst().name)
      }
    }
    return names + left.map(\.name) + right.map(\.name)
  }

  /// These refs without the names in `removed`, and with the entries `added` from `source`.
  func replacing(_ removed: Set<RefName>, with added: [Entry], from source: PackedRefs) -> PackedRefs {
    let names = removed.union(added.map(\.name))
    let kept = entries.filter { !names.contains($0.name) }
    let isFullyPeeled = (isFullyPeeled || kept.isEmpty) && (source.isFullyPeeled || added.isEmpty)
    return PackedRefs(entries: (kept + added).sorted { $0.name < $1.name }, isFullyPeeled: isFullyPeeled)
  }

  private func firstIndex(from name: RefName) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].name < name { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
