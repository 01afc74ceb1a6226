import ResticCore
import SystemPackage

extension Namespace {
  /// Up to this size a file is brought along with the one before it.
  private static let smallFileByteCount: UInt64 = 64 << 10

  /// Up to so many extents are looked up anew rather than kept, where nobody says that a file is not read any more.
  private static let smallExtentCount = 4

  /// Counts an open file. A regular file's extents are there afterwards.
  mutating func open(_ number: InodeNumber, forWriting: Bool) throws(NamespaceError) {
    switch try inode(number).body {
    case .file(.stored): throw .needs(.extents(of: number))
    case .file(.resolved), .file(.changed), .directory: break
    case .special: throw .refused(.ioError)
    }
    try update(number) { inode throws(NamespaceError) in
      inode.openCount += 1
      if forWriting { inode.writerCount += 1 }
    }
    if forWriting { inodesOpenForWriting.insert(number) }
  }

  /// Takes an open file back; an unchanged one that nobody reads any more keeps its node only.
  mutating func release(_ number: InodeNumber, forWriting: Bool) {
    guard let index = inodes.index(forKey: number) else { return }
    inodes.values[index].openCount -= min(1, inodes.values[index].openCount)
    if forWriting { inodes.values[index].writerCount -= min(1, inodes.values[index].writerCount) }
    if inodes.values[index].writerCount == 0 { inodesOpenForWriting.remove(number) }
    if inodes.values[index].openCount == 0, case .file(.resolved) = inodes.values[index].body {
      inodes.values[index].body = .file(.stored)
    }
    dropIfUnused(number)
  }

  /// A file that nobody opened was read: where it was read whole, or nearly, its extents are not kept.
  mutating func endSilentReading(of number: InodeNumber) {
    guard let index = inodes.index(forKey: number), inodes.values[index].openCount == 0,
      case .file(.resolved(let extents)) = inodes.values[index].body, extents.extents.count <= Self.smallExtentCount
    else { return }
    inodes.values[index].body = .file(.stored)
  }

  /// The extents of a regular file.
  func extents(of number: InodeNumber) throws(NamespaceError) -> ExtentMap {
    switch try inode(number).body {
    case .file(.stored): throw .needs(.extents(of: number))
    case .file(.resolved(let extents)), .file(.changed(let extents)): return extents
    case .directory: throw .refused(.isDirectory)
    case .special: throw .refused(.invalidArgument)
    }
  }

  /// The nodes of small files that follow `number`, a small one itself, in its directory as it is stored: the inodes of a tree
  /// are numbered in its order. At most 32, of 256 KiB in all.
  func smallFiles(after number: InodeNumber) -> [Node] {
    guard let first = inodes[number], first.node.size <= Self.smallFileByteCount else { return [] }
    return smallFiles(from: number + 1, in: first.parent)
  }

  /// The nodes of small files from `number` on, in the directory `parent` as it is stored; bounded as above.
  func smallFiles(from number: InodeNumber, in parent: InodeNumber) -> [Node] {
    var nodes: [Node] = []
    var byteCount: UInt64 = 0
    for next in number..<number + 32 {
      guard let inode = inodes[next], inode.parent == parent else { break }
      guard case .file(.stored) = inode.body, inode.node.content.count == 1 else { continue }
      byteCount += min(inode.node.size, 1 << 32)
      guard byteCount <= 4 * Self.smallFileByteCount else { break }
      nodes.append(inode.node)
    }
    return nodes
  }

  /// Notes the extents of a stored file, which come from `node`. Harmless if the file has another content by now, as after
  /// a commit, or another thread was first.
  mutating func install(_ extents: ExtentMap, of number: InodeNumber, from node: Node) {
    guard let index = inodes.index(forKey: number), case .file(.stored) = inodes.values[index].body,
      inodes.values[index].node.hasContent(of: node)
    else { return }
    inodes.values[index].body = .file(.resolved(extents))
  }

  mutating func applyWrite(
    _ bytes: TreeChange.WrittenBytes, to number: InodeNumber, at offset: UInt64, _ time: Timestamp
  ) throws(NamespaceError) {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.count))
    guard !overflow, end <= Self.maximumFileByteCount else { throw .refused(.fileTooLarge) }
    try modify(number, at: time) { extents in
      switch bytes {
      case .buffer(let buffer): extents.write(buffer, at: offset)
      case .borrowed(let bytes): extents.write(bytes.pointer, at: offset)
      }
    }
  }

  mutating func applyAllocation(
    of range: Range<UInt64>, in number: InodeNumber, zeroes: Bool, extends: Bool, at time: Timestamp
  ) throws(NamespaceError) {
    guard range.upperBound <= Self.maximumFileByteCount else { throw .refused(.fileTooLarge) }
    try modify(number, at: time) { extents in
      if zeroes { extents.punch(range) }
      if extends, range.upperBound > extents.byteCount { extents.truncate(to: range.upperBound) }
    }
  }

  /// Sets a file's size.
  mutating func truncate(_ number: InodeNumber, to byteCount: UInt64, at now: Timestamp) throws(NamespaceError) {
    guard byteCount <= Self.maximumFileByteCount else { throw .refused(.fileTooLarge) }
    if byteCount == 0, case .file(.stored) = try inode(number).body {
      // Also the way out of a file whose content is damaged.
      try requireKnownNames(number)
      try update(number) { inode throws(NamespaceError) in inode.body = .file(.changed(ExtentMap())) }
    }
    try modify(number, at: now) { extents in extents.truncate(to: byteCount) }
  }

  /// The content of a file that isn't as stored, and whether anybody has it open; nil where there is none.
  func changedContent(of number: InodeNumber) -> (content: ExtentMap, isOpen: Bool)? {
    guard let inode = inodes[number], case .file(.changed(let extents)) = inode.body else { return nil }
    return (extents, inode.openCount > 0)
  }

  /// Puts a stored chunk in the place of the bytes in memory that it holds, if nobody has changed them since.
  mutating func replace(
    at offset: UInt64, of number: InodeNumber, by chunk: StoredChunk, ifStill slices: [ExtentMap.Extent]
  ) {
    guard let index = inodes.index(forKey: number), case .file(.changed(var extents)) = inodes.values[index].body else {
      return
    }
    inodes.values[index].body = .special  // the extents are changed in place, not copied
    extents.replace(at: offset, by: chunk, ifStill: slices)
    inodes.values[index].body = .file(.changed(extents))
    setBuffered(by: extents, of: number)
  }

  /// Changes the extents of a regular file in place.
  private mutating func modify(
    _ number: InodeNumber, at now: Timestamp, _ change: (inout ExtentMap) -> Void
  ) throws(NamespaceError) {
    try requireKnownNames(number)
    guard let index = inodes.index(forKey: number) else { throw .refused(.staleNFSFileHandle) }
    var extents: ExtentMap
    switch inodes.values[index].body {
    case .file(.stored): throw .needs(.extents(of: number))
    case .file(.resolved(let map)), .file(.changed(let map)): extents = map
    case .directory: throw .refused(.isDirectory)
    case .special: throw .refused(.invalidArgument)
    }
    if inodes.values[index].node.links > 1, numbers.isShared(inodes.values[index].node) {
      // restic would restore the other file as a link to this one, which is about to have another content.
      forgetHardLink(number)
      numbers.identify(number, &inodes.values[index].node, deviceID: deviceID)
    }
    inodes.values[index].body = .special  // the extents are changed in place, not copied
    change(&extents)
    inodes.values[index].body = .file(.changed(extents))
    setBuffered(by: extents, of: number)
    // Not the time of modification: with the writeback cache that is the kernel's, which sends it where it changes.
    inodes.values[index].node.ctime = now
    markChanged(number)
  }
}

extension Node {
  /// Whether the stored content is the same.
  func hasContent(of other: Node) -> Bool { content == other.content && size == other.size }
}
