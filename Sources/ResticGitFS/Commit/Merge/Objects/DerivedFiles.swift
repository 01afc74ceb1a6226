import ResticCore

/// Files that git derives from the objects to find them faster; the files of a group belong to one state of the
/// repository: the multi-pack-index with its bitmaps, `objects/info/packs`, the commit-graphs.
///
/// One side's group is taken as a whole: that of the only side that changed it, otherwise theirs. If the group names
/// packfiles, every packfile of its side must be in the merged repository unchanged; otherwise the other side's group
/// is taken, or none: git considers objects missing if a multi-pack-index names them in a packfile that is gone.
struct DerivedFiles {
  let context: MergeContext
  /// The position of the directory that holds them.
  let position: BareRepository.Position
  /// Which files belong to the group.
  let contains: (Name) -> Bool
  /// Whether their group, or ours, may be taken.
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
