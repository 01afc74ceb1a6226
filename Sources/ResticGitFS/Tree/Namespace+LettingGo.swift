import ResticCore

/// Unloads directories whose inodes nobody needs: their entries are all as stored and unknown to the kernel. Such a
/// directory is then as before anybody entered it.
///
/// An inode is unloaded only if it can be created again from what is stored, with the same attributes and the same
/// number for stat(2). Never unloaded are an inode that is changed, open or known to the kernel, a directory above such
/// an inode, and the entries of the root.
extension Namespace {
  /// The result of a search for directories to unload.
  struct Release: Sendable {
    /// How many inodes were unloaded.
    var count = 0
    /// Inodes that could be unloaded if the kernel did not know them.
    var known: [InodeNumber] = []
  }

  /// Why a directory's entries have to stay.
  private enum Hold {
    /// No reason.
    case none
    /// Some entries are changed, open, or cannot be created again.
    case ours
    /// The kernel knows some of them; this is the only reason.
    case kernel
  }

  /// Examines the directories that were loaded first, and unloads entries where possible. Ends after examining `limit`
  /// entries, or each directory once. `mounter` is the owner shown for files. The last `recentCount` directories to be
  /// loaded stay.
  mutating func letGo(
    examining limit: Int, mounter: FileOwner, recentCount: UInt64 = LoadedDirectories.recentCount
  ) -> Release {
    var release = Release()
    guard holdsOnDirectories == 0 else { return release }
    var examined = 0
    for _ in 0..<loadedDirectories.count where examined < limit {
      guard let entry = loadedDirectories.popFirst() else { break }
      guard case .directory(.loaded(let children))? = inodes[entry.directory]?.body else { continue }
      examined += children.count + 1
      switch loadedDirectories.isRecent(entry, recentCount) ? .ours : hold(on: children, of: entry.directory, mounter) {
      case .none:
        letGo(children, of: entry.directory)
        release.count += children.count
      case .ours:
        loadedDirectories.putBack(entry)
      case .kernel:
        loadedDirectories.putBack(entry)
        release.known += children.values.filter { child in
          inodes.index(forKey: child).map { inodes.values[$0].lookupCount > 0 } ?? false
        }
      }
    }
    return release
  }

  /// Records that a directory was loaded or created. Entries of directories that are gone never outnumber the others.
  mutating func noteLoaded(_ directory: InodeNumber) {
    loadedDirectories.append(directory)
    guard loadedDirectories.count > 2 * inodes.count + 1024 else { return }
    var kept = loadedDirectories
    kept.removeAll { inodes.index(forKey: $0) == nil }
    loadedDirectories = kept
  }

  private func hold(on children: [Name: InodeNumber], of directory: InodeNumber, _ mounter: FileOwner) -> Hold {
    guard directory != Self.root, let index = inodes.index(forKey: directory) else { return .ours }
    // Nothing is copied, because there are many.
    guard inodes.values[index].changeNumber == 0, inodes.values[index].openCount == 0, inodes.values[index].parent != 0,
      inodes.values[index].node.subtree != nil, !withoutInFlight.contains(directory)
    else { return .ours }
    let number = numbers.number(of: directory, inodes.values[index].node)
    let place = rules.place(place(of: directory)) { children[$0] != nil }
    var isKnown = false
    for (name, child) in children {
      guard let index = inodes.index(forKey: child) else { preconditionFailure("a directory names inodes that exist") }
      guard isAsStored(index, mounter), numbers.isRepeatable(child, inodes.values[index].node, as: name, in: number),
        // Files that git has in flight are in no snapshot, changed or not.
        !rules.isInFlight(name, isDirectory: inodes.values[index].isDirectory, in: place)
      else { return .ours }
      if inodes.values[index].lookupCount > 0 { isKnown = true }
    }
    return isKnown ? .kernel : .none
  }

  /// Whether `install` would create the same inode from its stored node, and no program has it open.
  private func isAsStored(_ index: Dictionary<InodeNumber, Inode>.Index, _ mounter: FileOwner) -> Bool {
    guard inodes.values[index].changeNumber == 0, inodes.values[index].openCount == 0 else { return false }
    switch inodes.values[index].body {
    case .file(.changed), .directory(.loaded): return false
    case .file(.stored), .file(.resolved), .directory(.unloaded), .special: break
    }
    // If it were created again, it would be shown as the mounting user's.
    if case .node = inodes.values[index].owner,
      FileOwner(userID: inodes.values[index].node.uid, groupID: inodes.values[index].node.gid) != mounter
    {
      return false
    }
    guard let key = HardLinkKey(inodes.values[index].node) else { return inodes.values[index].linkCount == 1 }
    // A name that is loaded again finds the inode by its key if another name keeps it.
    if let known = hardLinks[key], known != inodes.keys[index] { return false }
    return inodes.values[index].linkCount == UInt32(clamping: inodes.values[index].node.links)
  }

  /// Unloads a directory. A hard-linked file with a name in another loaded directory stays.
  private mutating func letGo(_ children: [Name: InodeNumber], of directory: InodeNumber) {
    for child in children.values {
      guard let index = inodes.index(forKey: child) else { continue }
      // A link that was created in this mount has no known key yet.
      if let key = HardLinkKey(inodes.values[index].node), hardLinks[key] == nil { hardLinks[key] = child }
      if let further = inodes.values[index].furtherParents.firstIndex(of: directory) {
        inodes.values[index].furtherParents.remove(at: further)
      } else if let parent = inodes.values[index].furtherParents.popLast() {
        inodes.values[index].parent = parent
      } else {
        inodes.values[index].parent = 0
        dropIfUnused(child)
      }
    }
    inodes[directory]?.body = .directory(.unloaded)
    unloadedDirectories.insert(directory)
  }

  /// Returns memory that only many more inodes would need.
  mutating func shrink() {
    guard inodes.capacity > Self.leastCapacity, inodes.capacity / 4 > inodes.count else { return }
    inodes = inodes.filter { _ in true }
  }

  /// The table is never made smaller than this many inodes.
  private static let leastCapacity = 1 << 16
}
