/// Directories in the order in which they were loaded or last examined, for the search for directories to unload.
///
/// Each loading has a number. A directory that was loaded recently may be needed by the caller that loaded it.
struct LoadedDirectories: Sendable {
  /// A directory, and the number of its loading.
  struct Entry: Sendable {
    let directory: InodeNumber
    fileprivate let loading: UInt64
  }

  private var entries: [Entry] = []
  private var first = 0
  private var loadingCount: UInt64 = 0

  /// The number of concurrent requests, each of which may need the directory that it has loaded.
  static let recentCount: UInt64 = 128

  /// The number of directories.
  var count: Int { entries.count - first }

  /// Adds a directory that has just been loaded.
  mutating func append(_ directory: InodeNumber) {
    loadingCount += 1
    entries.append(Entry(directory: directory, loading: loadingCount))
  }

  /// Removes and returns the first one.
  mutating func popFirst() -> Entry? {
    guard first < entries.count else { return nil }
    defer {
      first += 1
      // Half of the array is free: move the rest to the front.
      if first > 64, first * 2 > entries.count {
        entries.removeFirst(first)
        first = 0
      }
    }
    return entries[first]
  }

  /// Removes the directories for which `isGone` returns true.
  mutating func removeAll(where isGone: (InodeNumber) -> Bool) {
    entries = entries[first...].filter { !isGone($0.directory) }
    first = 0
  }

  /// Adds one again, at the end.
  mutating func putBack(_ entry: Entry) { entries.append(entry) }

  /// Whether it is among the last `count` to be loaded.
  func isRecent(_ entry: Entry, _ count: UInt64) -> Bool { entry.loading + count > loadingCount }
}
