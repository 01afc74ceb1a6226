import FuseBridge
import ResticCore

/// What open directories list: the names there were when reading began, so that an offset means one entry for as long as
/// the directory is read, whatever is made or removed meanwhile.
struct DirectoryListings: Sendable {
  /// A name and what it led to.
  struct Entry: Sendable {
    var name: [UInt8]
    var inode: InodeNumber
  }

  private var listings: [FuseHandle: [Entry]] = [:]
  private var nextHandle: FuseHandle = 1

  /// A handle with nothing read yet.
  mutating func open() -> FuseHandle {
    defer { nextHandle += 1 }
    return nextHandle
  }

  /// What `handle` lists, if reading has begun.
  func entries(of handle: FuseHandle) -> [Entry]? { listings[handle] }

  /// Begins reading.
  mutating func begin(_ entries: [Entry], on handle: FuseHandle) { listings[handle] = entries }

  /// The handle is gone.
  mutating func close(_ handle: FuseHandle) { listings[handle] = nil }
}
