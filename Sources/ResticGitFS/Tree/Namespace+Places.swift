import ResticCore

/// The places of directories, in terms of the `NameRules`.
extension Namespace {
  /// The place of `directory` according to its path; its entries may change it (`NameRules.place(_:hasEntry:)`).
  ///
  /// A directory that is deeper than the longest path is outside.
  func place(of directory: InodeNumber) -> DirectoryPlace {
    // Nothing is copied on the way, which may be long.
    var steps: [(name: Name, parent: Dictionary<InodeNumber, Inode>.Index)] = []
    var current = directory
    while current != Self.root, let index = inodes.index(forKey: current),
      let parent = inodes.index(forKey: inodes.values[index].parent)
    {
      guard let name = name(of: current, at: index, in: parent) else { break }
      steps.append((name, parent))
      guard steps.count <= Self.deepestPath else { return .outside }
      current = inodes.keys[parent]
    }
    return steps.reversed().reduce(.outside) { place, step in
      guard case .directory(.loaded(let siblings)) = inodes.values[step.parent].body else { return .outside }
      return rules.place(of: step.name, in: rules.place(place) { siblings[$0] != nil })
    }
  }

  /// A name of an inode in a loaded directory, if there is one.
  private func name(
    of number: InodeNumber, at index: Dictionary<InodeNumber, Inode>.Index,
    in directory: Dictionary<InodeNumber, Inode>.Index
  ) -> Name? {
    guard case .directory(.loaded(let siblings)) = inodes.values[directory].body else { return nil }
    let name = inodes.values[index].node.name
    return siblings[name] == number ? name : siblings.first { $0.value == number }?.key
  }

  /// How many names a path of PATH_MAX bytes can hold.
  private static var deepestPath: Int { 2048 }

  /// These directories and all directories above them.
  func directoriesAbove(_ directories: Set<InodeNumber>) -> Set<InodeNumber> {
    var above: Set<InodeNumber> = []
    for directory in directories {
      var number = directory
      while number != 0, above.insert(number).inserted { number = inodes[number]?.parent ?? 0 }
    }
    return above
  }
}

extension [Node] {
  /// Whether there is an entry of that name.
  func contains(_ name: Name) -> Bool { contains { $0.name == name } }
}

extension NameRules {
  /// `nodes` without files in flight, if the path of their directory puts it at `place`.
  func withoutInFlight(_ nodes: [Node], at place: DirectoryPlace) -> [Node] {
    let place = self.place(place) { nodes.contains($0) }
    if place == .outside { return nodes }
    return nodes.filter { !isInFlight($0.name, isDirectory: $0.type == .dir, in: place) }
  }
}
