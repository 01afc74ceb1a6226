import ResticCore

/// Files that git makes from the objects to find them faster, each group of which fits one state of the repository: the
/// multi-pack-index with its bitmaps, `objects/info/packs`, the commit-graphs.
///
/// One side's group is taken whole: that of the side which alone changed it, else theirs. Where the group names packfiles, every
/// packfile of its side must be in the merged repository as that side has it; else the other side's group is taken, or none: git
/// takes objects for missing that a multi-pack-index names in a packfile that is gone.
struct DerivedFiles {
  let context: MergeContext
  /// Where the directory stands that holds them.
  let position: BareRepository.Position
  /// Which files are in the group.
  let contains: (Name) -> Bool
  /// Whether the group may be that of theirs, or of ours.
  let isValid: (theirs: Bool, ours: Bool)

  /// The files of the merged directory.
  func choose(from nodes: ThreeWay<[Node]>) async throws -> [Node] {
    let groups = nodes.map { $0.filter { contains($0.name) } }
    let isOurs = groups.theirs.hasSameSubstance(as: groups.base)
    let choices = [(groups.theirs, isValid.theirs), (groups.ours, isValid.ours)]
    var chosen = (isOurs ? choices.reversed() : choices).first { $0.1 }?.0 ?? []
    for index in chosen.indices {
      let position = BareRepository.position(of: chosen[index].name, in: position)
      chosen[index] = try await context.withoutInFlight(chosen[index], at: position)
    }
    return chosen
  }
}

extension [Node] {
  /// Whether both have the same names with the same content.
  fileprivate func hasSameSubstance(as other: [Node]) -> Bool {
    count == other.count && zip(self, other).allSatisfy { $0.name == $1.name && $0.hasSameSubstance(as: $1) }
  }
}
