import ResticCore
import SystemPackage

/// All inodes of a mount and the names that lead to them: the writable tree over a snapshot.
///
/// A plain value without I/O: `WorkingTree` holds it under its one lock, and `apply` makes all changes that a commit
/// has to save. A method that needs a directory or content that is not loaded yet says so before it changes anything
/// (`NamespaceError.needs`), and is called again after the loading. The other files of this folder are extensions of
/// it.
///
/// Invariants:
/// 1. The root, inode 1, always exists and is loaded.
/// 2. Any other inode exists as long as it has a name, a lookup or an open file.
/// 3. `parent` and `furtherParents` name exactly the loaded directories that hold a name of the inode.
/// 4. If an inode has changed since the base snapshot, so have all directories above it (`changeNumber`).
/// 5. Exactly the directories that are not loaded are in `unloadedDirectories` or `unreadableDirectories`.
/// 6. A loaded directory other than the root is in `loadedDirectories`.
struct Namespace: Sendable {
  /// The root's number, as FUSE requires it.
  static let root: InodeNumber = 1
  /// The longest name, in bytes.
  static let maximumNameByteCount = 255
  /// The largest file, in bytes: 16 TiB. restic would need more than 16 million blobs for more.
  static let maximumFileByteCount: UInt64 = 1 << 44

  /// All inodes.
  var inodes: [InodeNumber: Inode] = [:]
  /// The next inode's number.
  var nextInode: InodeNumber = root + 1
  /// The last change's number.
  var changeNumber: ChangeNumber = 0
  /// How many applied refreshes the kernel has not been told about: until then it may answer from its caches.
  var unannouncedRefreshes = 0
  /// Bytes of changed files that are in memory only.
  private(set) var bufferedByteCount: UInt64 = 0
  /// The files with such bytes, and the number of bytes.
  private var bufferedFiles: [InodeNumber: UInt64] = [:]
  /// The bytes that a running commit holds in addition.
  var frozenContent = FrozenContent()
  /// The inodes with a `writerCount`: the kernel may still have unwritten data for them.
  var inodesOpenForWriting: Set<InodeNumber> = []
  /// The known inodes of stored hard links.
  var hardLinks: [HardLinkKey: InodeNumber] = [:]
  /// Named directories that are not loaded and, as far as is known, can be loaded.
  var unloadedDirectories: Set<InodeNumber> = []
  /// Named directories whose tree cannot be read: a snapshot keeps them unchanged.
  var unreadableDirectories: Set<InodeNumber> = []
  /// The inode numbers that stat(2) shows.
  var numbers = InodeNumbers()
  /// Loaded directories without the files that git had in flight when the base snapshot was made: the next commit
  /// stores them again, but they are no reason for a commit.
  var withoutInFlight: Set<InodeNumber> = []
  /// The directories that were loaded or created, the oldest first.
  var loadedDirectories = LoadedDirectories()
  /// How many callers currently need all directories loaded: meanwhile none is unloaded.
  var holdsOnDirectories = 0
  /// Written to new nodes, so that hard links of two mounts are never mistaken for each other. Never 0.
  let deviceID: UInt64
  /// The meaning of names.
  let rules: any NameRules

  /// An empty directory, or the directory of `tree`.
  init(root node: Node, tree: Tree?, deviceID: UInt64, rules: any NameRules) {
    self.deviceID = deviceID
    self.rules = rules
    inodes[Self.root] = Inode(node: node, body: .directory(.loaded([:])), owner: .mounter, parent: Self.root)
    if let tree { install(tree, in: Self.root) }
  }

  // MARK: Reading

  /// The inode `number`, or ESTALE if there is none.
  func inode(_ number: InodeNumber) throws(NamespaceError) -> Inode {
    guard let inode = inodes[number] else { throw .refused(.staleNFSFileHandle) }
    return inode
  }

  /// The entries of a directory.
  func children(of directory: InodeNumber) throws(NamespaceError) -> [Name: InodeNumber] {
    switch try inode(directory).body {
    case .directory(.loaded(let children)): return children
    case .directory(.unloaded): throw .needs(.entries(of: directory))
    case .file, .special: throw .refused(.notDirectory)
    }
  }

  /// The inode of `name` in a directory.
  func child(_ name: Name, of directory: InodeNumber) throws(NamespaceError) -> InodeNumber {
    guard let number = try optionalChild(name, of: directory) else { throw .refused(.noSuchFileOrDirectory) }
    return number
  }

  /// The inode of `name` in a directory; nil if there is none.
  func optionalChild(_ name: Name, of directory: InodeNumber) throws(NamespaceError) -> InodeNumber? {
    guard name.bytes.count <= Self.maximumNameByteCount else { throw .refused(.fileNameTooLong) }
    return try children(of: directory)[name]
  }

  /// Whether anything differs from the base snapshot.
  var isChanged: Bool {
    inodes[Self.root].map { $0.changeNumber != 0 } ?? false
  }

  /// The memory of unstored bytes, including the overhead of many small files, and the bytes that a running commit
  /// holds.
  var bufferedCost: UInt64 {
    bufferedByteCount + frozenContent.byteCount + UInt64(bufferedFiles.count) * Self.fileCost
  }

  /// About the memory that a file with bytes in memory takes in addition.
  private static let fileCost: UInt64 = 1024

  /// How many files have bytes in memory only.
  var bufferedFileCount: Int { bufferedFiles.count }

  /// How many bytes of a file are in memory only.
  func bufferedByteCount(of number: InodeNumber) -> UInt64 { bufferedFiles[number] ?? 0 }

  /// The files with bytes in memory only, those with the most first.
  var bufferedFilesLargestFirst: [InodeNumber] {
    bufferedFiles.sorted { $0.value > $1.value }.map(\.key)
  }

  // MARK: Changing

  /// Changes an inode in place.
  mutating func update<Result>(
    _ number: InodeNumber, _ change: (inout Inode) throws(NamespaceError) -> Result
  ) throws(NamespaceError) -> Result {
    guard let index = inodes.index(forKey: number) else { throw .refused(.staleNFSFileHandle) }
    return try change(&inodes.values[index])
  }

  /// Records that an inode changed, and with it every directory above.
  mutating func markChanged(_ number: InodeNumber) {
    changeNumber += 1
    markChanged(number, changeNumber)
  }

  private mutating func markChanged(_ number: InodeNumber, _ change: ChangeNumber) {
    var number = number
    while number != 0, let index = inodes.index(forKey: number) {
      if inodes.values[index].changeNumber == change { return }
      inodes.values[index].changeNumber = change
      for parent in inodes.values[index].furtherParents { markChanged(parent, change) }
      number = inodes.values[index].parent
    }
  }

  /// Gives an inode one more name. The directory must be loaded and not have that name.
  mutating func attach(_ number: InodeNumber, as name: Name, in directory: InodeNumber) throws(NamespaceError) {
    _ = try children(of: directory)
    setChild(number, as: name, in: directory)
    addParent(directory, to: number)
  }

  /// Records that a loaded directory holds a name of the inode.
  mutating func addParent(_ directory: InodeNumber, to number: InodeNumber) {
    guard let index = inodes.index(forKey: number) else { return }
    if inodes.values[index].parent == 0 {
      inodes.values[index].parent = directory
    } else {
      inodes.values[index].furtherParents.append(directory)
    }
  }

  /// Removes a name from an inode, but does not drop the inode.
  mutating func detach(_ number: InodeNumber, as name: Name, from directory: InodeNumber) throws(NamespaceError) {
    _ = try children(of: directory)
    setChild(nil, as: name, in: directory)
    try update(number) { inode throws(NamespaceError) in
      if let index = inode.furtherParents.firstIndex(of: directory) {
        inode.furtherParents.remove(at: index)
      } else {
        inode.parent = inode.furtherParents.popLast() ?? 0
      }
    }
  }

  /// Makes a name of a loaded directory lead to `child`, or removes it. The caller updates the inodes.
  mutating func setChild(_ child: InodeNumber?, as name: Name, in directory: InodeNumber) {
    guard let index = inodes.index(forKey: directory),
      case .directory(.loaded(var children)) = inodes.values[index].body
    else { preconditionFailure("the caller has looked: it is a loaded directory") }
    inodes.values[index].body = .special  // the dictionary is changed in place, not copied
    children[name] = child
    inodes.values[index].body = .directory(.loaded(children))
  }

  /// Drops an inode without names, lookups and open files.
  mutating func dropIfUnused(_ number: InodeNumber) {
    guard number != Self.root, let inode = inodes[number] else { return }
    guard inode.knownNameCount == 0, inode.lookupCount == 0, inode.openCount == 0 else { return }
    dropBuffered(of: number)
    // A further name may be in a directory that is not loaded: loading it creates an inode from that name's own node.
    forgetHardLink(number)
    numbers.remove(number, inode.node)
    unloadedDirectories.remove(number)
    unreadableDirectories.remove(number)
    inodes[number] = nil
    withoutInFlight.remove(number)
  }

  /// Names that are loaded later do not belong to this inode: all of its names are known, or its stored content
  /// changes.
  mutating func forgetHardLink(_ number: InodeNumber) {
    guard let node = inodes[number]?.node, let key = HardLinkKey(node), hardLinks[key] == number else { return }
    hardLinks[key] = nil
  }

  /// Chooses the number that stat(2) shows for an inode that is new or gets a new node.
  mutating func chooseNumber(of number: InodeNumber, _ node: Node, as name: Name, in directory: InodeNumber) {
    if numbers.takeStored(node) { return }
    let parent = inodes[directory].map { numbers.number(of: directory, $0.node) } ?? 0
    numbers.choose(for: number, node, as: name, in: parent)
  }

  /// Records that no bytes of a file are in memory only.
  mutating func dropBuffered(of number: InodeNumber) {
    setBuffered(0, of: number)
    frozenContent.note(number, dropped: nil)
  }

  /// Records how many bytes of a file with `content` are in memory only.
  mutating func setBuffered(by content: ExtentMap, of number: InodeNumber) {
    setBuffered(content.bufferedByteCount, of: number)
    frozenContent.note(number, dropped: content.droppedByteCount)
  }

  private mutating func setBuffered(_ byteCount: UInt64, of number: InodeNumber) {
    bufferedByteCount += byteCount
    bufferedByteCount -= bufferedFiles[number] ?? 0
    bufferedFiles[number] = byteCount == 0 ? nil : byteCount
  }

  // MARK: References of the kernel

  /// Counts a lookup.
  mutating func countLookup(of number: InodeNumber) throws(NamespaceError) {
    try update(number) { inode throws(NamespaceError) in inode.lookupCount += 1 }
  }

  /// Counts forgotten lookups.
  mutating func forget(_ number: InodeNumber, count: UInt64) {
    guard let index = inodes.index(forKey: number) else { return }
    inodes.values[index].lookupCount -= min(count, inodes.values[index].lookupCount)
    if inodes.values[index].lookupCount == 0, inodes.values[index].openCount == 0,
      case .file(.resolved) = inodes.values[index].body
    {
      inodes.values[index].body = .file(.stored)
    }
    dropIfUnused(number)
  }

  /// Drops all lookups and open files: the kernel has closed the connection.
  mutating func forgetEverything() {
    for number in Array(inodes.keys) {
      guard let index = inodes.index(forKey: number) else { continue }
      inodes.values[index].lookupCount = 0
      inodes.values[index].openCount = 0
      inodes.values[index].writerCount = 0
      inodesOpenForWriting = []
      dropIfUnused(number)
    }
  }
}
