import ResticCore
import SystemPackage

extension Namespace {
  /// Files up to this size are loaded together with the file before them.
  private static let smallFileByteCount: UInt64 = 64 << 10

  /// Up to this many extents are looked up again rather than kept, when it is unknown whether the file is still being
  /// read.
  private static let smallExtentCount = 4

  /// Counts an open file. Afterwards a regular file's extents are available.
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

  /// Counts a closed file; an unchanged file that nobody reads any more keeps only its node.
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

  /// Ends the reading of a file that was read without being opened: if it was read completely, or nearly, its extents
  /// are not kept.
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

  /// The nodes of the small files that follow the small file `number` in its directory as stored: the inodes of a tree
  /// are numbered in its order. At most 32 nodes, of 256 KiB in all.
  func smallFiles(after number: InodeNumber) -> [Node] {
    guard let first = inodes[number], first.node.size <= Self.smallFileByteCount else { return [] }
    return smallFiles(from: number + 1, in: first.parent)
  }

  /// The nodes of small files from `number` on, in the directory `parent` as stored; limited as above.
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

  /// Records the extents of a stored file, which come from `node`. Has no effect if the file has other content by now,
  /// as after a commit, or if another thread was first.
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
      // Truncation also helps with a file whose content is damaged.
      try requireKnownNames(number)
      try update(number) { inode throws(NamespaceError) in inode.body = .file(.changed(ExtentMap())) }
    }
    try modify(number, at: now) { extents in extents.truncate(to: byteCount) }
  }

  /// The content of a changed file, and whether a program has it open; nil if the file is not changed.
  func changedContent(of number: InodeNumber) -> (content: ExtentMap, isOpen: Bool)? {
    guard let inode = inodes[number], case .file(.changed(let extents)) = inode.body else { return nil }
    return (extents, inode.openCount > 0)
  }

  /// Replaces bytes in memory by the stored chunk that holds them, if they have not changed since.
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
      // restic would restore the other file as a link to this one, which is about to get other content.
      forgetHardLink(number)
      numbers.identify(number, &inodes.values[index].node, deviceID: deviceID)
    }
    inodes.values[index].body = .special  // the extents are changed in place, not copied
    change(&extents)
    inodes.values[index].body = .file(.changed(extents))
    setBuffered(by: extents, of: number)
    // Not the modification time: with the writeback cache, the kernel keeps it, and sends it when it changes.
    inodes.values[index].node.ctime = now
    markChanged(number)
  }
}

extension Node {
  /// Whether both nodes have the same stored content.
  func hasContent(of other: Node) -> Bool { content == other.content && size == other.size }
}
