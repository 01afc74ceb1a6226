import FuseBridge
import ResticCore

/// What open directories list: the names that were there when reading began.
///
/// A name's offset follows from the name, whatever else the directory holds, and an offset means all names from there on.
/// So the kernel may go on reading where another handle, its own cache or an earlier reading stopped, as it does when it
/// has dropped what it had cached of a listing, and meets each name that was there all the time exactly once.
struct DirectoryListings: Sendable {
  /// A name, and the offset at which reading goes on after it.
  struct Entry: Sendable {
    var name: Name
    var offset: UInt64
  }

  private struct Directory {
    var handleCount = 0
    /// How often somebody has begun to read it.
    var readingCount: UInt64 = 0
  }

  /// What a handle lists.
  struct Listing: Sendable {
    /// The entries; nil: they are to be looked up.
    var entries: [Entry]?
    /// The directory's `readingCount` before the names were looked up.
    fileprivate var reading: UInt64
    /// Where the last answer began and ended.
    fileprivate var answered: ClosedRange<UInt64> = 0...0
  }

  /// The offsets after `.` and `..`, which come first.
  static let dotOffsets: (current: UInt64, parent: UInt64) = (1, 2)

  private var directories: [InodeNumber: Directory] = [:]
  private var listings: [FuseHandle: Listing] = [:]
  /// The directories that are read without a handle, those read last at the end.
  private var silent: [InodeNumber] = []
  /// The directories in which files were closed since they were last opened.
  private var withClosedFiles: Set<InodeNumber> = []
  private var nextHandle: FuseHandle = 1

  /// A handle of a directory, with nothing read yet.
  mutating func open(_ directory: InodeNumber) -> FuseHandle {
    defer { nextHandle += 1 }
    directories[directory, default: Directory()].handleCount += 1
    return nextHandle
  }

  /// Of so many directories that are read without a handle the listing is kept: nobody says when they are closed.
  static let silentLimit = 16
  /// So many directories with closed files are remembered. Of a forgotten one the kernel asks for attributes file by file.
  private static let closedFilesLimit = 4096

  /// What stands for the handle of a directory that the kernel has opened without a word. None that is given out has this bit.
  static func silentHandle(of directory: InodeNumber) -> FuseHandle { directory | 1 << 62 }

  /// Notes that a file in a directory was closed.
  mutating func noteClosedFile(in directory: InodeNumber) {
    if withClosedFiles.count >= Self.closedFilesLimit { withClosedFiles = [] }
    withClosedFiles.insert(directory)
  }

  /// Whether a file in a directory was closed since this was last asked.
  mutating func takeClosedFiles(of directory: InodeNumber) -> Bool { withClosedFiles.remove(directory) != nil }

  /// Makes sure that a directory which is read without a handle can be.
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

  /// What `handle` lists from `offset` on: with the entries where reading goes on from its last answer, else without.
  ///
  /// Without also where any handle has begun to read the directory since: what that reads may be what the kernel has
  /// cached, and this handle may be about to go on where the cache ended, after it began anew without a word.
  mutating func listing(of handle: FuseHandle, in directory: InodeNumber, from offset: UInt64) -> Listing {
    if handle == Self.silentHandle(of: directory) { beginSilently(directory) }
    if offset == 0 { directories[directory]?.readingCount += 1 }
    let reading = directories[directory]?.readingCount ?? 0
    if offset > 0, let listing = listings[handle], listing.answered.contains(offset), listing.reading == reading {
      return listing
    }
    return Listing(reading: reading)
  }

  /// Notes what `handle` lists, and that it has answered from the offset `answered.lowerBound` up to the other one.
  mutating func note(_ listing: Listing, answered: ClosedRange<UInt64>, on handle: FuseHandle) {
    listings[handle] = listing
    listings[handle]?.answered = answered
  }

  /// The handle is gone.
  mutating func close(_ handle: FuseHandle, of directory: InodeNumber) {
    listings[handle] = nil
    directories[directory]?.handleCount -= 1
    if directories[directory]?.handleCount == 0 { directories[directory] = nil }
  }

  /// The entries for the names of a directory, in the order of their offsets, which all differ.
  static func entries(_ names: some Sequence<Name>) -> [Entry] {
    var entries = names.map { Entry(name: $0, offset: offset(of: $0)) }
    entries.sort { ($0.offset, $0.name) < ($1.offset, $1.name) }
    for index in entries.indices.dropFirst() where entries[index].offset <= entries[index - 1].offset {
      entries[index].offset = entries[index - 1].offset + 1
    }
    return entries
  }

  /// At least 3, and small enough to be a positive `off_t`. Hashes of one process stay the same, and nobody else can
  /// foretell them.
  private static func offset(of name: Name) -> UInt64 {
    UInt64(UInt(bitPattern: name.hashValue) >> 2) + dotOffsets.parent + 1
  }
}
