/// The index files that this machine has read.
///
/// Each commit adds a small index file, and only a prune merges them. So a repository may have thousands, and every
/// client that opens it needs all of them.
typealias IndexRecord = CacheRecord<RecordedIndexFile>

/// An index file as an `IndexRecord` holds it.
struct RecordedIndexFile: CacheRecordEntry, Hashable {
  static let recordName = "restic-gitfs-index"
  static let recordHeader = "restic-gitfs index 1\n"
  static let recordPurpose: StaticString = "restic-gitfs: index files that were read"

  let id: IndexID
  /// The size of the file. If a listing shows another size, the file is read again.
  let byteCount: Int
  let packs: [IndexFile.Pack]

  private static let headerByteCount = ID<Never>.byteCount + 8
  private static let packHeaderByteCount = ID<Never>.byteCount + 4
  private static let blobByteCount = ID<Never>.byteCount + 13
  /// Marks a blob that is not compressed. No blob is this long (`BlobCoder.plaintextByteLimit`).
  private static let noLength = UInt32.max
  /// An index file with more blobs is not recorded: it covers so many blobs that reading it is worth the time.
  private static let blobLimit = 2000
  /// The maximum size of an entry in bytes: every pack has at least one blob.
  private static let entryByteLimit = headerByteCount + blobLimit * (packHeaderByteCount + blobByteCount)
  /// `encode` puts at most this many bytes into a group, except for the last entry.
  private static let groupByteCount = 1 << 20
  static let groupByteLimit = groupByteCount + entryByteLimit

  /// Encodes `files` in groups of at most `groupByteLimit` bytes, each entry as
  ///
  ///     id 32 ‖ size of the file 4 ‖ number of packs 4 ‖ packs
  ///     pack = id 32 ‖ number of blobs 4 ‖ blobs
  ///     blob = id 32 ‖ type 1 (0 data, 1 tree) ‖ offset 4 ‖ length 4
  ///            ‖ length of the plaintext 4, or 2³²−1 if the blob is not compressed
  ///
  /// with little-endian numbers. A file that is too large, or has a pack without blobs, is left out.
  static func encode(_ files: some Sequence<RecordedIndexFile>) -> [[UInt8]] {
    var groups: [[UInt8]] = []
    var group: [UInt8] = []
    for file in files {
      guard let byteCount = UInt32(exactly: file.byteCount), file.isRecordable else { continue }
      group += file.id.bytes
      append(byteCount, to: &group)
      append(UInt32(file.packs.count), to: &group)
      for pack in file.packs {
        group += pack.id.bytes
        append(UInt32(pack.blobs.count), to: &group)
        for blob in pack.blobs {
          group += blob.id.bytes
          group.append(blob.type == .tree ? 1 : 0)
          for number in [blob.offset, blob.length, blob.uncompressedLength ?? noLength] { append(number, to: &group) }
        }
      }
      if group.count >= groupByteCount {
        groups.append(group)
        group = []
      }
    }
    return group.isEmpty ? groups : groups + [group]
  }

  /// Whether the entry is small enough, and decodes to the same entry.
  private var isRecordable: Bool {
    var blobCount = 0
    for pack in packs {
      blobCount += pack.blobs.count
      guard !pack.blobs.isEmpty, blobCount <= Self.blobLimit,
        pack.blobs.allSatisfy({ $0.uncompressedLength != Self.noLength })
      else { return false }
    }
    return true
  }

  private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
  }

  /// Decodes the entries of a group.
  static func decode(_ group: [UInt8]) throws(FormatError) -> [RecordedIndexFile] {
    var files: [RecordedIndexFile] = []
    var reader = Reader(bytes: group)
    while !reader.isAtEnd {
      let id: IndexID = try reader.id()
      let byteCount = Int(try reader.number())
      let packs = try reader.list(leastByteCount: packHeaderByteCount + blobByteCount) { reader throws(FormatError) in
        IndexFile.Pack(
          id: try reader.id(),
          blobs: try reader.list(leastByteCount: blobByteCount) { reader throws(FormatError) in try reader.blob() })
      }
      files.append(RecordedIndexFile(id: id, byteCount: byteCount, packs: packs))
    }
    return files
  }

  /// Reads a group from its beginning.
  private struct Reader {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    private mutating func take(_ count: Int) throws(FormatError) -> Int {
      guard bytes.count - position >= count else { throw FormatError("index record: an entry is cut off") }
      defer { position += count }
      return position
    }

    mutating func id<Kind>() throws(FormatError) -> ID<Kind> {
      let start = try take(ID<Kind>.byteCount)
      return bytes.withUnsafeBytes { bytes in
        func word(_ index: Int) -> UInt64 {
          UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start + 8 * index, as: UInt64.self))
        }
        return ID(words: (word(0), word(1), word(2), word(3)))
      }
    }

    mutating func number() throws(FormatError) -> UInt32 {
      let start = try take(4)
      return bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: UInt32.self)) }
    }

    mutating func blob() throws(FormatError) -> PackBlob {
      let blobID: BlobID = try id()
      let type: BlobType = bytes[try take(1)] == 1 ? .tree : .data
      let (offset, length, plain) = (try number(), try number(), try number())
      return PackBlob(
        id: blobID, type: type, offset: offset, length: length, uncompressedLength: plain == noLength ? nil : plain)
    }

    /// Reads a count, and then that many elements of at least `leastByteCount` bytes each. Never reserves memory for
    /// more elements than the remaining bytes can hold.
    mutating func list<Element>(
      leastByteCount: Int, _ element: (inout Reader) throws(FormatError) -> Element
    ) throws(FormatError) -> [Element] {
      let count = Int(try number())
      guard count <= (bytes.count - position) / leastByteCount else {
        throw FormatError("index record: an entry is cut off")
      }
      var elements: [Element] = []
      elements.reserveCapacity(count)
      for _ in 0..<count { elements.append(try element(&self)) }
      return elements
    }
  }
}
