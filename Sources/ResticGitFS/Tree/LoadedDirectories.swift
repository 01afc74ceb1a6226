/// Directories in the order in which they were loaded, and looked at since: where what can be let go is searched.
///
/// Each loading has a number. A directory that was among the last ones to be loaded may be needed by whoever had it loaded.
struct LoadedDirectories: Sendable {
  /// A directory, and the number of its loading.
  struct Entry: Sendable {
    let directory: InodeNumber
    fileprivate let loading: UInt64
  }

  private var entries: [Entry] = []
  private var first = 0
  private var loadingCount: UInt64 = 0

  /// As many requests may be under way at a time, each of which may need what it has loaded.
  static let recentCount: UInt64 = 128

  /// How many there are.
  var count: Int { entries.count - first }

  /// Adds a directory that was loaded just now.
  mutating func append(_ directory: InodeNumber) {
    loadingCount += 1
    entries.append(Entry(directory: directory, loading: loadingCount))
  }

  /// Takes the one out that comes first.
  mutating func popFirst() -> Entry? {
    guard first < entries.count else { return nil }
    defer {
      first += 1
      // Half of it is gone: the rest moves to the front.
      if first > 64, first * 2 > entries.count {
        entries.removeFirst(first)
        first = 0
      }
    }
    return entries[first]
  }

  /// Takes those out that `isGone` names.
  mutating func removeAll(where isGone: (InodeNumber) -> Bool) {
    entries = entries[first...].filter { !isGone($0.directory) }
    first = 0
  }

  /// Puts one back, at the end.
  mutating func putBack(_ entry: Entry) { entries.append(entry) }

  /// Whether it was among the last `count` ones to be loaded.
  func isRecent(_ entry: Entry, _ count: UInt64) -> Bool { entry.loading + count > loadingCount }
}
