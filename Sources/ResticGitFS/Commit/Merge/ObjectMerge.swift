import ResticCore

/// Unites the objects of two copies of a git repository.
///
/// What either side has is there afterwards: a deletion is dropped, for the other side may have come to need what was garbage,
/// and the next gc deletes it again. Of a name that both have, theirs is as good: loose objects and git packfiles are named by
/// what they hold. Derived files (`objects/info`, the multi-pack-index and commit-graphs) are theirs: they name only objects and
/// packfiles of theirs, all of which are kept. `objects/info/alternates` isn't derived: its lines are united.
struct ObjectMerge {
  let context: MergeContext

  /// The merged directory `objects`, which both sides have.
  func merge(_ nodes: ThreeWay<Node?>) async throws -> Node? {
    try await unite(nodes, at: .objects)
  }

  private func unite(_ versions: ThreeWay<Node?>, at position: BareRepository.Position) async throws -> Node? {
    context.hardLinks.note(versions)
    guard let theirs = versions.theirs, let ours = versions.ours else {
      // Of a file that is linked elsewhere the other side counts one name less. Folders that one side deleted as a whole are not
      // looked into for that: gc does it with hundreds, and a count of loose objects too high is of no matter.
      if let kept = versions.theirs ?? versions.ours {
        if versions.base != nil { context.hardLinks.noteRevival(kept) }
        return kept
      }
      return nil
    }
    guard theirs.type == .dir, ours.type == .dir else { return theirs }
    let node = ThreeWay.metadata(base: versions.base, theirs: theirs, ours: ours)
    if theirs.subtree == ours.subtree { return node }
    let nodes = try await context.nodes(of: versions.subtrees)
    var united: [Node] = []
    var isKept: (ThreeWay<Node?>) -> Bool = { _ in true }
    if position == .packs { isKept = Self.packfileRule(nodes) }
    for (name, versions) in nodes.entries {
      let node: Node?
      switch (position, name) {
      case (.objects, "info"): node = try await mergeInfo(versions)
      case _ where versions.theirs == nil && !isKept(versions): node = nil
      default: node = try await unite(versions, at: BareRepository.position(of: name, in: position))
      }
      if let node { united.append(node) }
    }
    return context.directory(node, try await context.store(united))
  }

  /// Which entries of `objects/pack` that only ours has are kept: those of packfiles that theirs hasn't. The files of one
  /// packfile fit each other, so they are never mixed.
  private static func packfileRule(_ nodes: ThreeWay<[Node]>) -> (ThreeWay<Node?>) -> Bool {
    let theirPackfiles = Set(nodes.theirs.map(\.name.packfileParts).filter { $0.type == "pack" }.map(\.stem))
    let hasBitmap = nodes.theirs.contains { $0.name.packfileParts.type == "bitmap" }
    return { versions in
      guard let ours = versions.ours else { return true }
      let (stem, type) = ours.name.packfileParts
      if ours.name.bytes.starts(with: "multi-pack-index".utf8) { return false }
      // git uses one bitmap, and warns of a second.
      if type == "bitmap", hasBitmap { return false }
      guard theirPackfiles.contains(stem) else { return true }
      switch type {
      // Theirs unlocked the packfile, or we locked it.
      case "keep": return versions.base == nil
      case "promisor": return true
      default: return false
      }
    }
  }

  private func mergeInfo(_ versions: ThreeWay<Node?>) async throws -> Node? {
    guard versions.theirs?.type ?? .dir == .dir, let ours = versions.ours, ours.type == .dir else {
      return versions.theirs
    }
    let alternates: Set<Name> = ["alternates", "http-alternates"]
    let nodes = try await context.nodes(of: versions.subtrees)
    var united: [Node] = []
    for (name, versions) in nodes.entries {
      let node = alternates.contains(name) ? try await LineUnion(context: context).merge(versions) : versions.theirs
      if let node { united.append(node) }
    }
    if versions.theirs == nil, united.isEmpty { return nil }
    return context.directory(versions.theirs ?? ours, try await context.store(united))
  }
}

extension Name {
  /// `pack-ID` and `idx` of `pack-ID.idx`.
  fileprivate var packfileParts: (stem: [UInt8], type: String) {
    guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")) else { return (bytes, "") }
    return (Array(bytes[..<dot]), String(decoding: bytes[(dot + 1)...], as: UTF8.self))
  }
}
