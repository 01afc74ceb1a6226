/// The numbers of files from which housekeeping maintains a git repository.
///
/// git's own `gc` repacks everything from 50 packfiles on (`gc.autoPackLimit`); these limits come before that. Each
/// push stores the directories that it changes again, with about 160 bytes for each packfile and 100 for each loose
/// reference in them. Lower limits would cost more than they save: each run stores a snapshot, and stores some of what
/// it packs again (docs/BENCHMARKS.md).
struct HousekeepingLimits: Hashable, Sendable {
  /// If there are more packfiles than this, they are repacked into few.
  var packfiles = 20
  /// If there are more loose references than this, they are packed.
  var looseReferences = 20
  /// If there are more loose objects than this, they are packed.
  var looseObjects = 2000

  /// The range of each limit: with one packfile there is nothing to do, and a limit that no repository reaches turns a
  /// step off.
  static let range = 2...1_000_000_000

  /// Packing references stores `packed-refs` again, so one loose reference is allowed for each multiple of this size,
  /// which is that of about a hundred packed references.
  private static let packedReferenceByteCount: UInt64 = 6000

  /// The limits of a repository whose `packed-refs` has `byteCount` bytes.
  func scaled(toPackedReferences byteCount: UInt64) -> HousekeepingLimits {
    var limits = self
    limits.looseReferences = max(looseReferences, Int(clamping: byteCount / Self.packedReferenceByteCount))
    return limits
  }

  /// Whether `counts` exceed a limit, not counting what the last run could not reduce.
  func areExceeded(by counts: RepositoryCounts, settled: RepositoryCounts?) -> Bool {
    func isOver(_ limit: Int, _ count: KeyPath<RepositoryCounts, Int>) -> Bool {
      guard counts[keyPath: count] > limit else { return false }
      // What git could not reduce is not tried again until there is more of it.
      guard let left = settled?[keyPath: count], left > limit else { return true }
      return counts[keyPath: count] > left + limit / 2
    }
    return isOver(packfiles, \.packfiles) || isOver(looseReferences, \.looseReferences)
      || isOver(looseObjects, \.looseObjects)
  }
}
