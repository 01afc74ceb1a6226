/// From how many files on a git repository is put in order.
///
/// git's own `gc` packs everything anew from 50 packfiles on (`gc.autoPackLimit`); these limits come before that.
struct HousekeepingLimits: Hashable, Sendable {
  /// More packfiles than this are packed into few.
  var packfiles = 40
  /// More loose references than this are packed.
  var looseReferences = 400
  /// More loose objects than this are packed.
  var looseObjects = 2000

  /// What each limit may be: with one packfile there is nothing to do, and what nobody reaches turns a step off.
  static let range = 2...1_000_000_000

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
