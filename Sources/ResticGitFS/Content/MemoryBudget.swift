/// How `--memory-limit` is shared out.
///
/// At the default of 256 MiB and packs of 16 MiB: 48 MiB for what is written and not stored, 64 for packs (two open, one
/// on its way, one being put together), 32 for blobs kept for readers, and the rest for chunks that are just being cut,
/// sealed or opened and for the program itself. While nothing is stored readers have 112, beside what is being loaded.
struct MemoryBudget: Hashable, Sendable {
  /// The whole.
  let byteLimit: Int

  /// The least that is worth anything.
  static let minimum = 64 << 20
  /// What a mount uses if nobody says otherwise.
  static let standard = MemoryBudget(byteLimit: 256 << 20)

  /// Writers wait while more than this is in memory only.
  var dirtyByteLimit: UInt64 { UInt64(byteLimit) / 16 * 3 }
  /// From here on everything that can be stored is stored, not only what is settled in large files.
  var pressureByteCount: UInt64 { dirtyByteLimit / 4 * 3 }
  /// Inodes kept that nobody needs.
  var inodeCount: Int { byteLimit / 8 * 3 / Self.inodeByteCount }
  /// Blobs kept for readers, while nothing is stored.
  var cacheByteLimit: Int { byteLimit / 16 * 7 }
  /// Blobs kept for readers, while much is stored.
  var smallCacheByteLimit: Int { byteLimit / 8 }
  /// What is loaded ahead of somebody who reads a file from front to back.
  var readAheadByteCount: Int { byteLimit / 16 }
  /// The largest pack.
  var packByteLimit: Int { max(byteLimit / 16, 4 << 20) }
  /// Memory that was in use and is kept to be used again, beside some packs: a little more than becomes free at once when
  /// packs have arrived.
  var idleByteLimit: Int { byteLimit / 8 * 3 }
  /// Packs on their way at a time.
  var packsInFlight: Int { 1 }

  /// About what an inode takes (docs/BENCHMARKS.md).
  private static let inodeByteCount = 1024

  // MARK: Where memory is limited

  /// What threads' stacks (`Program.stackByteCount`) and malloc's heap take beside the budget.
  private static let outsideByteCount = 112 << 20
  /// Chunks that are being cut, compressed and sealed: two of the largest, and some usual ones.
  private static let chunkByteCount = 48 << 20
  /// Packs in memory while a commit is stored: two open ones of each type, one on its way, one being put together.
  private static let packCount = 6
  /// In what steps a budget is lowered.
  private static let step = 8 << 20

  /// The largest budget, up to this one, for a process that may take `room` more bytes (`MemoryRoom`); nil if that is too
  /// little for any.
  func fitting(_ room: Int?) -> MemoryBudget? {
    guard let room else { return self }
    return stride(from: byteLimit, through: Self.minimum, by: -Self.step).lazy.map { MemoryBudget(byteLimit: $0) }
      .first { $0.neededByteCount <= room }
  }

  /// How much the pool lends before writers are refused, in a process that may take `room` more bytes: the rest is for a
  /// commit.
  func lentByteLimit(_ room: Int?) -> Int {
    guard let room else { return .max }
    return room - Self.outsideByteCount - smallCacheByteLimit - packByteLimit
  }

  /// The least room that a process needs for any budget.
  static var leastRoom: Int { MemoryBudget(byteLimit: minimum).neededByteCount }

  /// The address space that a busy mount needs beside what it has at its start. Buffers have sizes of powers of two.
  private var neededByteCount: Int {
    let pack = packByteLimit + (2 << 20)
    let packBuffer = 1 << (Int.bitWidth - (pack - 1).leadingZeroBitCount)
    return Self.outsideByteCount + Self.chunkByteCount + Self.packCount * packBuffer + Int(dirtyByteLimit)
      + smallCacheByteLimit + idleByteLimit
  }
}
