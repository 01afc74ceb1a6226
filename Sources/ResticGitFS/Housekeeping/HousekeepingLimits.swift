/// From how many files on a git repository is put in order.
///
/// git's own `gc` packs everything anew from 50 packfiles on (`gc.autoPackLimit`); these limits come before that. Each push stores
/// the directories that it changes anew, some 160 bytes for each packfile and 100 for each loose reference in them. Fewer files
/// would cost more than they save: each run stores a snapshot, and again some of what is packed (docs/BENCHMARKS.md).
struct HousekeepingLimits: Hashable, Sendable {
  /// More packfiles than this are packed into few.
  var packfiles = 20
  /// More loose references than this are packed.
  var looseReferences = 20
  /// More loose objects than this are packed.
  var looseObjects = 2000

  /// What each limit may be: with one packfile there is nothing to do, and what nobody reaches turns a step off.
  static let range = 2...1_000_000_000

  /// `packed-refs` is stored anew when references are packed: one loose reference is allowed for so many bytes of that file, which
  /// is for about a hundred packed references.
  private static let packedReferenceByteCount: UInt64 = 6000

  /// The limits of a repository whose `packed-refs` has so many bytes.
  func scaled(toPackedReferences byteCount: UInt64) -> HousekeepingLimits {
    var limits = self
    limits.looseReferences = max(looseReferences, Int(clamping: byteCount / Self.packedReferenceByteCount))
    return limits
  }

  /// Whether `counts` reach one of the limits, but for what was left after the last time.
  func areExceeded(by counts: RepositoryCounts, settled: RepositoryCounts?) -> Bool {
    func isOver(_ limit: Int, _ count: KeyPath<RepositoryCounts, Int>) -> Bool {
      guard counts[keyPath: count] > limit else { return false }
      // What git could not put in order is not tried again before there is more of it.
      guard let left = settled?[keyPath: count], left > limit else { return true }
      return counts[keyPath: count] > left + limit / 2
    }
    return isOver(packfiles, \.packfiles) || isOver(looseReferences, \.looseReferences)
      || isOver(looseObjects, \.looseObjects)
  }
}
