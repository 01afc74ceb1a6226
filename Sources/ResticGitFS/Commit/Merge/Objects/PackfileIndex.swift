import ResticCore

/// The index of a git packfile: the names of all objects in it.
///
/// Only a sound index that belongs to the packfile beside it is opened: a merge deletes packfiles whose objects are
/// elsewhere, and a crash on a colleague's machine may have truncated a file. Of a large index, only one blob and the
/// requested names are in memory.
///
/// Layout (gitformat-pack(5)), numbers with the highest byte first:
///
///     version 1: fanout (256 × 4), objects (offset 4, name), hash of the packfile, hash of all before
///     version 2: "\377tOc", 2 (4), fanout (256 × 4), names, CRCs (4 each), offsets (4 each), long offsets (8 each, at most
///                one for each object), hash of the packfile, hash of all before
///
/// The fanout has, for each byte, the number of names that begin with that byte or a lower one.
/// Source: gitformat-pack(5) of git 2.40; checked by `PackfileIndexTests`.
struct PackfileIndex: Sendable {
  private let file: StoredFile
  private let format: ObjectFormat
  private let fanout: [Int]
  /// The offset of the first entry, the length of an entry, and the offset of the name in it.
  private let entries: (offset: Int, byteCount: Int, nameOffset: Int)
  /// The content of a small file, so that it is loaded once.
  private let content: [UInt8]?

  private static let magic: [UInt8] = [0xff, 0x74, 0x4f, 0x63, 0, 0, 0, 2]
  private static let fanoutByteCount = 256 * 4

  /// The number of objects in the packfile.
  var count: Int { fanout[255] }

  /// No real index is larger: some 100 million objects.
  private static let largestByteCount = 4 << 30
  /// The most names that may begin with the same byte: they are in memory at once.
  private static let mostNamesOfByte = 1 << 21

  /// Opens the index `index` of the packfile `pack`, and keeps it in memory if `isKept`.
  ///
  /// Nil if either is not in git's format, or is damaged or missing in the repository. Throws other errors of loading.
  static func open(
    _ index: Node, of pack: Node, _ format: ObjectFormat, in repository: Repository, isKept: Bool
  ) async throws -> PackfileIndex? {
    do {
      guard let file = StoredFile(index, in: repository), file.byteCount <= largestByteCount,
        let pack = StoredFile(pack, in: repository),
        let opened = try await PackfileIndex(file, format, isKept: isKept)
      else { return nil }
      let hash = try await opened.bytes(
        in: (file.byteCount - 2 * format.byteCount)..<(file.byteCount - format.byteCount))
      guard pack.byteCount > format.byteCount,
        try await pack.bytes(in: (pack.byteCount - format.byteCount)..<pack.byteCount) == hash
      else { return nil }
      return opened
    } catch RepositoryError.missingBlob, RepositoryError.damaged {
      return nil
    }
  }

  private init?(_ file: StoredFile, _ format: ObjectFormat, isKept: Bool) async throws {
    let nameByteCount = format.byteCount
    guard file.byteCount >= Self.fanoutByteCount + 2 * nameByteCount else { return nil }
    let hasher = StreamHasher(format.algorithm)
    var head: [UInt8] = []
    var hash: [UInt8] = []
    var kept: [UInt8] = []
    var position = 0
    try await file.forEachPiece { piece in
      head += piece.prefix(Self.magic.count + Self.fanoutByteCount - head.count)
      if isKept { kept += piece }
      let hashed = max(0, min(piece.count, file.byteCount - nameByteCount - position))
      hasher.update(piece[..<hashed])
      hash += piece[hashed...]
      position += piece.count
    }
    guard hasher.finish() == hash else { return nil }

    let isSecond = head.starts(with: Self.magic)
    let fanout = Self.fanout(head.dropFirst(isSecond ? Self.magic.count : 0).prefix(Self.fanoutByteCount))
    guard fanout.count == 256, zip(fanout, fanout.dropFirst()).allSatisfy({ $0 <= $1 }) else { return nil }
    // Names are hashes, so all first bytes are about equally frequent: an index without this property was made to take
    // memory.
    guard zip([0] + fanout, fanout).allSatisfy({ $1 - $0 <= Self.mostNamesOfByte }) else { return nil }
    let count = fanout[255]
    if isSecond {
      let offset = Self.magic.count + Self.fanoutByteCount
      let longOffsets = file.byteCount - offset - count * (nameByteCount + 8) - 2 * nameByteCount
      guard longOffsets >= 0, longOffsets % 8 == 0, longOffsets / 8 <= count else { return nil }
      entries = (offset, nameByteCount, 0)
    } else {
      guard file.byteCount == Self.fanoutByteCount + count * (nameByteCount + 4) + 2 * nameByteCount else { return nil }
      entries = (Self.fanoutByteCount, nameByteCount + 4, 4)
    }
    self.file = file
    self.format = format
    self.fanout = fanout
    content = isKept ? kept : nil
  }

  private static func fanout(_ bytes: ArraySlice<UInt8>) -> [Int] {
    stride(from: bytes.startIndex, to: bytes.endIndex - 3, by: 4).map { start in
      bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
    }
  }

  /// The number of names that begin with one of `firstBytes`.
  func count(of firstBytes: Range<Int>) -> Int { places(of: firstBytes).count }

  /// The names that begin with one of `firstBytes`. If the names with one first byte are not sorted, they are all left
  /// out: git would not find them.
  func findableNames(of firstBytes: Range<Int>) async throws -> [ObjectName] {
    let bytes = try await entryBytes(of: firstBytes)
    var names: [ObjectName] = []
    names.reserveCapacity(count(of: firstBytes))
    var place = 0
    for first in firstBytes {
      let begin = place
      place += count(of: first..<first + 1)
      let slices = (begin..<place).map { name(at: $0, in: bytes) }
      let isSorted = zip(slices, slices.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }
      guard isSorted, slices.allSatisfy({ $0.first == UInt8(first) }) else { continue }
      names += slices.map { ObjectName($0) }
    }
    return names
  }

  /// All names in the place for those that begin with one of `firstBytes`, unchecked.
  func names(of firstBytes: Range<Int>) async throws -> [ObjectName] {
    let bytes = try await entryBytes(of: firstBytes)
    return (0..<count(of: firstBytes)).map { ObjectName(name(at: $0, in: bytes)) }
  }

  private func places(of firstBytes: Range<Int>) -> Range<Int> {
    (firstBytes.lowerBound == 0 ? 0 : fanout[firstBytes.lowerBound - 1])..<fanout[firstBytes.upperBound - 1]
  }

  private func entryBytes(of firstBytes: Range<Int>) async throws -> [UInt8] {
    let places = places(of: firstBytes)
    let begin = entries.offset + places.lowerBound * entries.byteCount
    return try await bytes(in: begin..<begin + places.count * entries.byteCount)
  }

  private func name(at place: Int, in bytes: [UInt8]) -> ArraySlice<UInt8> {
    let begin = place * entries.byteCount + entries.nameOffset
    return bytes[begin..<begin + format.byteCount]
  }

  private func bytes(in range: Range<Int>) async throws -> [UInt8] {
    if let content { return Array(content[range]) }
    return try await file.bytes(in: range)
  }
}
