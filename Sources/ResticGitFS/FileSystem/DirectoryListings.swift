import FuseBridge
import ResticCore

/// The listings of open directories: the names that existed when reading began.
///
/// A name's offset depends only on the name, not on the other entries, and an offset means all names from there on. So
/// the kernel may continue reading where another handle, its own cache or an earlier reading stopped, as it does when
/// it has dropped its cache of a listing, and it gets each name that existed all the time exactly once.
struct DirectoryListings: Sendable {
  /// A name, and the offset at which reading continues after it.
  struct Entry: Sendable {
    var name: Name
    var offset: UInt64
  }

  private struct Directory {
    var handleCount = 0
    /// How often reading of it has begun.
    var readingCount: UInt64 = 0
  }

  /// The listing of a handle.
  struct Listing: Sendable {
    /// The entries; nil: they have to be looked up.
    var entries: [Entry]?
    /// The directory's `readingCount` before the names were looked up.
    fileprivate var reading: UInt64
    /// The offsets at which the last answer began and ended.
    fileprivate var answered: ClosedRange<UInt64> = 0...0
  }

  /// The offsets after `.` and `..`, which come first.
  static let dotOffsets: (current: UInt64, parent: UInt64) = (1, 2)

  private var directories: [InodeNumber: Directory] = [:]
  private var listings: [FuseHandle: Listing] = [:]
  /// The directories that are read without a handle, the last ones read at the end.
  private var silent: [InodeNumber] = []
  /// The directories in which files were closed since they were last opened.
  private var withClosedFiles: Set<InodeNumber> = []
  private var nextHandle: FuseHandle = 1

  /// A new handle of a directory, with nothing read yet.
  mutating func open(_ directory: InodeNumber) -> FuseHandle {
    defer { nextHandle += 1 }
    directories[directory, default: Directory()].handleCount += 1
    return nextHandle
  }

  /// How many directories that are read without a handle keep their listing: the kernel does not say when they are
  /// closed.
  static let silentLimit = 16
  /// How many directories with closed files are remembered. For a forgotten one, the kernel requests attributes file by
  /// file.
  private static let closedFilesLimit = 4096

  /// Stands for the handle of a directory that the kernel has opened without a request. No real handle has this bit.
  static func silentHandle(of directory: InodeNumber) -> FuseHandle { directory | 1 << 62 }

  /// Records that a file in a directory was closed.
  mutating func noteClosedFile(in directory: InodeNumber) {
    if withClosedFiles.count >= Self.closedFilesLimit { withClosedFiles = [] }
    withClosedFiles.insert(directory)
  }

  /// Whether a file in a directory was closed since this was last asked.
  mutating func takeClosedFiles(of directory: InodeNumber) -> Bool { withClosedFiles.remove(directory) != nil }

  /// Prepares the listing of a directory that is read without a handle.
  private mutating func beginSilently(_ directory: InodeNumber) {
    if silent.last == directory { return }
    if let index = silent.firstIndex(of: directory) {
      silent.remove(at: index)
    } else {
      directories[directory, default: Directory()].handleCount += 1
    }
    silent.append(directory)
    if silent.count > Self.silentLimit {
      let oldest = silent.removeFirst()
      close(Self.silentHandle(of: oldest), of: oldest)
    }
  }

  /// The listing of `handle` from `offset` on: with the entries if reading continues after the last answer, otherwise
  /// without.
  ///
  /// Also without entries if any handle has begun to read the directory since: the kernel may have cached that reading,
  /// and this handle may be about to continue where the cache ended, after it began again without a request.
  mutating func listing(of handle: FuseHandle, in directory: InodeNumber, from offset: UInt64) -> Listing {
    if handle == Self.silentHandle(of: directory) { beginSilently(directory) }
    if offset == 0 { directories[directory]?.readingCount += 1 }
    let reading = directories[directory]?.readingCount ?? 0
    if offset > 0, let listing = listings[handle], listing.answered.contains(offset), listing.reading == reading {
      return listing
    }
    return Listing(reading: reading)
  }

  /// Records the listing of `handle`, and the offsets between which it has answered.
  mutating func note(_ listing: Listing, answered: ClosedRange<UInt64>, on handle: FuseHandle) {
    listings[handle] = listing
    listings[handle]?.answered = answered
  }

  /// Ends a handle.
  mutating func close(_ handle: FuseHandle, of directory: InodeNumber) {
    listings[handle] = nil
    directories[directory]?.handleCount -= 1
    if directories[directory]?.handleCount == 0 { directories[directory] = nil }
  }

  /// The entries for the names of a directory, ordered by their offsets, which all differ.
  static func entries(_ names: some Sequence<Name>) -> [Entry] {
    var entries = names.map { Entry(name: $0, offset: offset(of: $0)) }
    entries.sort { ($0.offset, $0.name) < ($1.offset, $1.name) }
    for index in entries.indices.dropFirst() where entries[index].offset <= entries[index - 1].offset {
      entries[index].offset = entries[index - 1].offset + 1
    }
    return entries
  }

  /// At least 3, and small enough to be a positive `off_t`. Hashes stay the same within a process, and are
  /// unpredictable for others.
  private static func offset(of name: Name) -> UInt64 {
    UInt64(UInt(bitPattern: name.hashValue) >> 2) + dotOffsets.parent + 1
  }
}
