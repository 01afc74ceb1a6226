import ResticCore

/// Merges the objects of two copies of a git repository.
///
/// The result has everything that either side has. A file that one side deleted is deleted only if all its objects are
/// elsewhere (`ObjectRemovals`): so a concurrent push does not undo a gc. If both sides have a name, theirs is as good:
/// loose objects and git packfiles are named for their content. Of files that git derives from others, one side's are
/// taken (`DerivedFiles`). `objects/info/alternates` is not derived: its lines are united.
struct ObjectMerge {
  let context: MergeContext
  /// The hash that names objects.
  let format: ObjectFormat

  /// The merged directory `objects`, which both sides have.
  func merge(_ versions: ThreeWay<Node?>) async throws -> Node? {
    context.hardLinks.note(versions)
    guard let theirs = versions.theirs, let ours = versions.ours else { return versions.theirs ?? versions.ours }
    let node = ThreeWay.metadata(base: versions.base, theirs: theirs, ours: ours)
    if theirs.subtree == ours.subtree { return node }
    let directory = try await ObjectDirectory(versions.subtrees, context)
    let packs = try await directory.folder("pack").map { Packfiles($0) }
    let removals = try await ObjectRemovals(
      directory: directory, packs: packs, format: format, repository: context.repository
    ).decide()

    var merged: [Node] = []
    for (name, versions) in directory.nodes.entries {
      context.hardLinks.note(versions)
      let position = BareRepository.position(of: name, in: .objects)
      let isSame = versions.theirs?.subtree == versions.ours?.subtree
      guard isFolder(versions), position == .packs || position == .info || position == .looseObjects && !isSame else {
        if let node = try await unite(versions) { merged.append(node) }
        continue
      }
      let nodes = try await directory.folder(name)
      for (_, versions) in nodes.entries { context.hardLinks.note(versions) }
      let entries =
        switch position {
        case .packs: try await mergePacks(nodes, packs, removals)
        case .info: try await mergeInfo(nodes, packs, removals)
        default: mergeLooseObjects(nodes, in: name, removals)
        }
      if let node = try await folder(versions, entries) { merged.append(node) }
    }
    return context.directory(node, try await context.store(merged))
  }

  private func isFolder(_ versions: ThreeWay<Node?>) -> Bool {
    [versions.theirs, versions.ours].allSatisfy { $0?.type ?? .dir == .dir }
  }

  /// The folder with these entries; nil if a side has none and it would be empty.
  private func folder(_ versions: ThreeWay<Node?>, _ entries: [Node]) async throws -> Node? {
    guard let theirs = versions.theirs, let ours = versions.ours else {
      guard let folder = versions.theirs ?? versions.ours, !entries.isEmpty || versions.base == nil else { return nil }
      return context.directory(folder, try await context.store(entries))
    }
    let node = ThreeWay.metadata(base: versions.base, theirs: theirs, ours: ours)
    return context.directory(node, try await context.store(entries))
  }

  /// Their entry if there is one, otherwise ours; of two folders, one with the entries of both.
  private func unite(_ versions: ThreeWay<Node?>) async throws -> Node? {
    guard let theirs = versions.theirs, let ours = versions.ours, theirs.type == .dir, ours.type == .dir,
      theirs.subtree != ours.subtree
    else { return mergeMetadata(versions) ?? keep(versions) }
    var united: [Node] = []
    for (_, versions) in try await context.nodes(of: versions.subtrees, at: .elsewhere).entries {
      context.hardLinks.note(versions)
      if let node = try await unite(versions) { united.append(node) }
    }
    let node = ThreeWay.metadata(base: versions.base, theirs: theirs, ours: ours)
    return context.directory(node, try await context.store(united))
  }

  /// A folder with the same content on both sides.
  private func mergeMetadata(_ versions: ThreeWay<Node?>) -> Node? {
    guard let theirs = versions.theirs, let ours = versions.ours, theirs.type == .dir, ours.type == .dir else {
      return nil
    }
    return ThreeWay.metadata(base: versions.base, theirs: theirs, ours: ours)
  }

  /// The entry of theirs if they have it, else of ours.
  private func keep(_ versions: ThreeWay<Node?>) -> Node? {
    guard let kept = versions.theirs ?? versions.ours else { return nil }
    // For a file with further names, the side that deleted this name has a link count that is too low by one.
    if versions.base != nil, versions.theirs == nil || versions.ours == nil { context.hardLinks.noteRevival(kept) }
    return kept
  }

  private func mergeLooseObjects(
    _ nodes: ThreeWay<[Node]>, in folder: Name, _ removals: ObjectRemovals.Decision
  ) -> [Node] {
    nodes.entries.compactMap { name, versions in
      if let object = ObjectName(folder: folder, name: name, format), removals.looseObjects.contains(object) {
        return nil
      }
      return keep(versions)
    }
  }

  // MARK: Packfiles

  private func mergePacks(
    _ nodes: ThreeWay<[Node]>, _ packs: ThreeWay<Packfiles>, _ removals: ObjectRemovals.Decision
  ) async throws -> [Node] {
    let rule = PackfileRule(nodes, packs, removed: removals.packs)
    var merged: [Node] = []
    for (name, versions) in nodes.entries where !Self.isMultiPackIndex(name) {
      let node: Node?
      switch rule.choice(of: name, versions) {
      case .neither: node = nil
      case .theirs where versions.theirs == nil: node = nil
      case .ours where versions.theirs != nil: node = versions.ours
      case .theirs, .ours, .either: node = keep(versions)
      }
      if let node { merged.append(node) }
    }
    let index = DerivedFiles(
      context: context, position: .packs, contains: Self.isMultiPackIndex,
      isValid: Self.sidesInPlace(packs, removals))
    return merged + (try await index.choose(from: nodes))
  }

  private static func isMultiPackIndex(_ name: Name) -> Bool {
    name.bytes.starts(with: "multi-pack-index".utf8)
  }

  /// Whether all packfiles of a side are in the merged repository unchanged.
  private static func sidesInPlace(
    _ packs: ThreeWay<Packfiles>, _ removals: ObjectRemovals.Decision
  ) -> (theirs: Bool, ours: Bool) {
    let theirs = packs.theirs.whole.keys.allSatisfy { !removals.packs.contains($0) }
    let ours = packs.ours.whole.allSatisfy { name, packfile in
      !removals.packs.contains(name) && packs.theirs.whole[name]?.pack.hasSameSubstance(as: packfile.pack) ?? true
    }
    return (theirs, ours)
  }

  // MARK: Information

  private func mergeInfo(
    _ nodes: ThreeWay<[Node]>, _ packs: ThreeWay<Packfiles>, _ removals: ObjectRemovals.Decision
  ) async throws -> [Node] {
    let groups = [
      DerivedFiles(
        context: context, position: .info, contains: { $0 == "packs" }, isValid: Self.sidesInPlace(packs, removals)),
      // They name only commits, and all commits of both sides exist.
      DerivedFiles(
        context: context, position: .info, contains: { $0 == "commit-graph" || $0 == "commit-graphs" },
        isValid: (true, true)),
    ]
    var merged: [Node] = []
    for group in groups { merged += try await group.choose(from: nodes) }
    for (name, versions) in nodes.entries where !groups.contains(where: { $0.contains(name) }) {
      let isUnion = name == "alternates" || name == "http-alternates"
      let node = isUnion ? try await LineUnion(context: context).merge(versions) : try await unite(versions)
      if let node { merged.append(node) }
    }
    return merged
  }
}

/// Which side's files of `objects/pack` are taken. The files of one packfile belong together and are never mixed.
private struct PackfileRule {
  enum Choice {
    case theirs
    case ours
    /// Theirs if there is one, otherwise ours.
    case either
    /// The packfile is deleted.
    case neither
  }

  private let packs: ThreeWay<Packfiles>
  private let removed: Set<Name>
  private let hasBitmap: Bool

  init(_ nodes: ThreeWay<[Node]>, _ packs: ThreeWay<Packfiles>, removed: Set<Name>) {
    self.packs = packs
    self.removed = removed
    hasBitmap = nodes.theirs.contains { node in
      let (stem, type) = node.name.packfileParts
      return type == "bitmap" && !removed.contains(stem)
    }
  }

  func choice(of name: Name, _ versions: ThreeWay<Node?>) -> Choice {
    let (stem, type) = name.packfileParts
    if removed.contains(stem) { return .neither }
    switch type {
    case "keep":
      // A side that unlocks the packfile no longer needs it; a side that locks it anew does.
      if versions.theirs == nil, versions.base != nil { return .theirs }
      if versions.ours == nil, versions.base.hasSameSubstance(as: versions.theirs) { return .ours }
      return .either
    case "promisor": return .either
    // git uses one bitmap, and warns about a second one.
    case "bitmap" where versions.theirs == nil && hasBitmap: return .theirs
    default:
      if packs.theirs.whole[stem] != nil { return .theirs }
      return packs.ours.whole[stem] != nil ? .ours : .either
    }
  }
}
