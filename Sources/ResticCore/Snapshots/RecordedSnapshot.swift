/// The snapshots that this machine has read.
typealias SnapshotRecord = CacheRecord<RecordedSnapshot>
typealias SnapshotRecordFile = CacheRecordFile<RecordedSnapshot>

/// A snapshot as a `SnapshotRecord` holds it.
struct RecordedSnapshot: CacheRecordEntry, Hashable {
  static let recordName = "restic-gitfs-snapshots"
  static let recordHeader = "restic-gitfs snapshots 1\n"
  static let recordPurpose: StaticString = "restic-gitfs: snapshots that were read"

  /// The snapshot and its id.
  let saved: SavedSnapshot
  /// The size of the snapshot's file. If a listing shows another size, the snapshot is read again.
  let byteCount: Int

  /// The size of an id and two numbers, in bytes.
  private static let headerByteCount = 40
  /// A snapshot whose JSON has more bytes is not recorded.
  private static let jsonByteLimit = 64 << 10
  /// `encode` puts at most this many bytes into a group, except for the last entry.
  private static let groupByteCount = 1 << 20
  /// The maximum size of a group in bytes.
  static let groupByteLimit = groupByteCount + headerByteCount + jsonByteLimit

  /// Encodes `snapshots` in groups of at most `groupByteLimit` bytes, each entry as
  ///
  ///     id 32 ‖ size of the file, 4 bytes, little endian ‖ length of the JSON, 4 bytes, little endian ‖ JSON
  ///
  /// with the JSON that `Snapshot.encode` produces.
  static func encode(_ snapshots: some Sequence<RecordedSnapshot>) -> [[UInt8]] {
    var groups: [[UInt8]] = []
    var group: [UInt8] = []
    for recorded in snapshots {
      let json = recorded.saved.snapshot.encode()
      guard json.count <= jsonByteLimit, let byteCount = UInt32(exactly: recorded.byteCount) else { continue }
      group += recorded.saved.id.bytes
      for number in [byteCount, UInt32(json.count)] { withUnsafeBytes(of: number.littleEndian) { group += $0 } }
      group += json
      if group.count >= groupByteCount {
        groups.append(group)
        group = []
      }
    }
    return group.isEmpty ? groups : groups + [group]
  }

  /// Decodes the entries of a group.
  static func decode(_ group: [UInt8]) throws(FormatError) -> [RecordedSnapshot] {
    var snapshots: [RecordedSnapshot] = []
    var rest = group[...]
    while !rest.isEmpty {
      guard rest.count >= headerByteCount, let id = SnapshotID(bytes: Array(rest.prefix(ID<Never>.byteCount))) else {
        throw FormatError("snapshot record: an entry is cut off")
      }
      rest = rest.dropFirst(ID<Never>.byteCount)
      let byteCount = Self.number(&rest)
      let jsonByteCount = Self.number(&rest)
      guard jsonByteCount <= rest.count else { throw FormatError("snapshot record: an entry is cut off") }
      let snapshot = try Snapshot.decode(Array(rest.prefix(jsonByteCount)))
      rest = rest.dropFirst(jsonByteCount)
      snapshots.append(RecordedSnapshot(saved: SavedSnapshot(id: id, snapshot: snapshot), byteCount: byteCount))
    }
    return snapshots
  }

  private static func number(_ bytes: inout ArraySlice<UInt8>) -> Int {
    defer { bytes = bytes.dropFirst(4) }
    return bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}
