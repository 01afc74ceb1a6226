/// Divides the memory of `--memory-limit`.
///
/// At the default of 256 MiB and packs of 16 MiB: 48 MiB for written data that is not stored, 64 for packs (two open,
/// one being uploaded, one being assembled), 32 for blobs cached for readers, and the rest for chunks that are being
/// cut, sealed or opened and for the program itself. While nothing is stored, readers have 112, in addition to blobs
/// being loaded.
struct MemoryBudget: Hashable, Sendable {
  /// The whole.
  let byteLimit: Int

  /// The least useful limit.
  static let minimum = 64 << 20
  /// The default of a mount.
  static let standard = MemoryBudget(byteLimit: 256 << 20)

  /// Writers wait while more than this is in memory only.
  var dirtyByteLimit: UInt64 { UInt64(byteLimit) / 16 * 3 }
  /// From this amount on, everything that can be stored is stored, not only the settled parts of large files.
  var pressureByteCount: UInt64 { dirtyByteLimit / 4 * 3 }
  /// The number of unneeded inodes that are kept.
  var inodeCount: Int { byteLimit / 8 * 3 / Self.inodeByteCount }
  /// Blobs cached for readers while nothing is stored.
  var cacheByteLimit: Int { byteLimit / 16 * 7 }
  /// Blobs cached for readers while much is stored.
  var smallCacheByteLimit: Int { byteLimit / 8 }
  /// Bytes loaded ahead of a sequential reader.
  var readAheadByteCount: Int { byteLimit / 16 }
  /// The largest pack.
  var packByteLimit: Int { max(byteLimit / 16, 4 << 20) }
  /// Memory that was in use and is kept for reuse, beside some packs: a little more than is freed at once when packs
  /// have arrived.
  var idleByteLimit: Int { byteLimit / 8 * 3 }
  /// Packs being uploaded at a time.
  var packsInFlight: Int { 1 }

  /// About the memory of an inode (docs/BENCHMARKS.md).
  private static let inodeByteCount = 1024

  // MARK: Where memory is limited

  /// The memory of threads' stacks (`Program.stackByteCount`) and malloc's heap, in addition to the budget.
  private static let outsideByteCount = 112 << 20
  /// The memory of chunks being cut, compressed and sealed: two of the largest, and some usual ones.
  private static let chunkByteCount = 48 << 20
  /// Packs in memory during a commit: two open ones of each type, one being uploaded, one being assembled.
  private static let packCount = 6
  /// The step by which a budget is lowered.
  private static let step = 8 << 20

  /// The largest budget, up to this one, for a process that may take `room` more bytes (`MemoryRoom`); nil if that is
  /// too little for any budget.
  func fitting(_ room: Int?) -> MemoryBudget? {
    guard let room else { return self }
    return stride(from: byteLimit, through: Self.minimum, by: -Self.step).lazy.map { MemoryBudget(byteLimit: $0) }
      .first { $0.neededByteCount <= room }
  }

  /// How much the pool lends before writers are refused, in a process that may take `room` more bytes: the rest is for
  /// a commit.
  func lentByteLimit(_ room: Int?) -> Int {
    guard let room else { return .max }
    return room - Self.outsideByteCount - smallCacheByteLimit - packByteLimit
  }

  /// The least memory that a process needs for any budget.
  static var leastRoom: Int { MemoryBudget(byteLimit: minimum).neededByteCount }

  /// The address space that a busy mount needs in addition to that at its start. Buffers have sizes of powers of two.
  private var neededByteCount: Int {
    let pack = packByteLimit + (2 << 20)
    let packBuffer = 1 << (Int.bitWidth - (pack - 1).leadingZeroBitCount)
    return Self.outsideByteCount + Self.chunkByteCount + Self.packCount * packBuffer + Int(dirtyByteLimit)
      + smallCacheByteLimit + idleByteLimit
  }
}
