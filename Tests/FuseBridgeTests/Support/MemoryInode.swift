import FuseBridge

/// An inode of `MemoryFileSystem`; guarded by the file system's lock.
struct MemoryInode {
  /// What kind of inode it is, with what only that kind has.
  enum Kind {
    case file(MemoryContent)
    case directory(MemoryDirectory)
    case symbolicLink([UInt8])
    case special(device: UInt64)
  }

  var kind: Kind
  var attributes: FuseAttributes
  var extendedAttributes: [[UInt8]: [UInt8]] = [:]
  /// What the kernel holds of it.
  var lookupCount: UInt64 = 0
  var openCount = 0

  var directory: MemoryDirectory? {
    if case .directory(let directory) = kind { directory } else { nil }
  }

  var content: MemoryContent? {
    if case .file(let content) = kind { content } else { nil }
  }
}

/// The names of a directory. Each has a number that only grows, so that reading goes on after it.
struct MemoryDirectory {
  struct Entry {
    let inode: FuseInode
    let number: UInt64
  }

  let parent: FuseInode
  private(set) var entries: [[UInt8]: Entry] = [:]
  private var nextNumber: UInt64 = 3

  init(parent: FuseInode) {
    self.parent = parent
  }

  subscript(name: [UInt8]) -> FuseInode? {
    get { entries[name]?.inode }
    set {
      entries[name] = newValue.map { Entry(inode: $0, number: nextNumber) }
      nextNumber += 1
    }
  }
}
