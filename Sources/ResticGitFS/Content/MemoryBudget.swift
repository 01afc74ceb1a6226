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
}
