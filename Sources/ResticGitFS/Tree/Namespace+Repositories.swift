import ResticCore

/// Where directories stand in relation to git repositories.
extension Namespace {
  /// Where `directory` stands as its place tells; what is in it may make it a repository's root (`BareRepository`).
  ///
  /// A directory that is deeper than any path reaches is no part of a repository that git can work on.
  func position(of directory: InodeNumber) -> BareRepository.Position {
    var steps: [(name: Name, parent: InodeNumber)] = []
    var current = directory
    while current != Self.root, let inode = inodes[current], inode.parent != 0 {
      guard case .directory(.loaded(let siblings))? = inodes[inode.parent]?.body,
        let name = siblings[inode.node.name] == current
          ? inode.node.name : siblings.first(where: { $0.value == current })?.key
      else { break }
      steps.append((name, inode.parent))
      guard steps.count <= Self.deepestPath else { return .outside }
      current = inode.parent
    }
    return steps.reversed().reduce(.outside) { position, step in
      guard case .directory(.loaded(let siblings))? = inodes[step.parent]?.body else { return .outside }
      return BareRepository.position(of: step.name, in: BareRepository.position(position) { siblings[$0] != nil })
    }
  }

  /// How many names a path of PATH_MAX bytes can hold.
  private static var deepestPath: Int { 2048 }

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
