internal import CFuse3
internal import Glibc

/// The answer to readdir or readdirplus while it is assembled: directory entries in the kernel's layout.
///
/// Owned by the handler that fills it. `lookedUp` names the inodes whose lookup the answer carries.
struct FuseListing {
  /// The inodes of the entries taken with their lookup; empty for plain readdir.
  private(set) var lookedUp: [FuseInode] = []
  /// True for readdirplus.
  private let carriesLookups: Bool
  private let timeouts: FuseTimeouts
  private let limit: Int
  private var bytes: [UInt8]
  private var byteCount = 0

  /// An empty listing of at most `limit` bytes.
  init(limit: Int, carriesLookups: Bool, timeouts: FuseTimeouts) {
    self.limit = limit
    self.carriesLookups = carriesLookups
    self.timeouts = timeouts
    bytes = [UInt8](repeating: 0, count: limit)
  }

  /// Whether no entry was taken.
  var isEmpty: Bool { byteCount == 0 }

  /// Adds `entry` if there is room for it; returns whether there was.
  mutating func append(_ entry: FuseDirectoryEntry, of request: fuse_req_t) -> Bool {
    let isDot = entry.name == [0x2E] || entry.name == [0x2E, 0x2E]
    let isLookedUp = carriesLookups && entry.carriesLookup && !isDot
    let room = limit - byteCount
    let offset = off_t(truncatingIfNeeded: entry.nextOffset)
    let needed = bytes.withUnsafeMutableBytes { buffer -> Int in
      let end = buffer.baseAddress?.advanced(by: byteCount).assumingMemoryBound(to: CChar.self)
      return entry.name.withCString { name in
        if carriesLookups {
          let entry = FuseEntry(inode: entry.inode, attributes: entry.attributes)
          var parameters = fuse_entry_param(entry, timeouts: timeouts)
          // The kernel does not look up "." and "..": inode 0 tells it that no lookup comes with the entry.
          if !isLookedUp { parameters.ino = 0 }
          return fuse_add_direntry_plus(request, end, room, name, &parameters, offset)
        }
        var status = stat(entry.attributes)
        return fuse_add_direntry(request, end, room, name, &status, offset)
      }
    }
    // libfuse returns the size that it needs, and writes only if that size fits.
    guard needed <= room else { return false }
    byteCount += needed
    if isLookedUp { lookedUp.append(entry.inode) }
    return true
  }

  /// Calls `body` with the entries as the kernel reads them.
  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<byteCount])) }
  }
}
