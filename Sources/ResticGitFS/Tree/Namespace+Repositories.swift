import ResticCore

/// Where directories stand in relation to git repositories.
extension Namespace {
  /// Where `directory` stands as its place tells; what is in it may make it a repository's root (`BareRepository`).
  func position(of directory: InodeNumber) -> BareRepository.Position {
    guard directory != Self.root, let inode = inodes[directory], inode.parent != 0 else { return .outside }
    guard case .directory(.loaded(let siblings))? = inodes[inode.parent]?.body,
      let name = siblings[inode.node.name] == directory
        ? inode.node.name : siblings.first(where: { $0.value == directory })?.key
    else { return .outside }
    let parent = BareRepository.position(position(of: inode.parent)) { siblings[$0] != nil }
    return BareRepository.position(of: name, in: parent)
  }

  /// These directories and all that are above them.
  func directoriesAbove(_ directories: Set<InodeNumber>) -> Set<InodeNumber> {
    var above: Set<InodeNumber> = []
    for directory in directories {
      var number = directory
      while number != 0, above.insert(number).inserted { number = inodes[number]?.parent ?? 0 }
    }
    return above
  }
}

extension Tree {
  /// The nodes but for those that git had in flight, where the directory's place makes it one at `position`.
  func withoutInFlight(at position: BareRepository.Position) -> [Node] {
    nodes.withoutInFlight(at: position)
  }
}

extension [Node] {
  /// All but what git has in flight, where the place of the directory that holds them makes it one at `position`.
  func withoutInFlight(at position: BareRepository.Position) -> [Node] {
    let position = BareRepository.position(position) { contains($0) }
    if position == .outside { return self }
    return filter { !BareRepository.isInFlight($0.name, isDirectory: $0.type == .dir, in: position) }
  }
}
