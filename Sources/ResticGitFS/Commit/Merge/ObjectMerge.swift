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
    let packfiles = position == .packs ? PackfileRule(nodes) : nil
    var united: [Node] = []
    for (name, versions) in nodes.entries {
      let node: Node?
      switch packfiles?.choice(of: name, versions) ?? .either {
      case .theirs where versions.theirs == nil, .ours where versions.theirs != nil:
        context.hardLinks.note(versions)
        node = versions.theirs == nil ? nil : versions.ours
      case .either where position == .objects && name == "info":
        node = try await mergeInfo(versions)
      case .theirs, .ours, .either:
        node = try await unite(versions, at: BareRepository.position(of: name, in: position))
      }
      if let node { united.append(node) }
    }
    return context.directory(node, try await context.store(united))
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

/// Whose files of `objects/pack` are taken. The files of one packfile fit each other, so they are never mixed.
private struct PackfileRule {
  enum Choice {
    case theirs
    case ours
    /// Theirs if they have it, else ours.
    case either
  }

  /// The packfiles that a side has whole. One whose index is missing was caught while git put it in place, or took it
  /// away: git does not see it.
  private let whole: (theirs: Set<[UInt8]>, ours: Set<[UInt8]>)
  private let hasBitmap: Bool

  init(_ nodes: ThreeWay<[Node]>) {
    whole = (Self.whole(nodes.theirs), Self.whole(nodes.ours))
    hasBitmap = nodes.theirs.contains { $0.name.packfileParts.type == "bitmap" }
  }

  private static func whole(_ nodes: [Node]) -> Set<[UInt8]> {
    let names = nodes.map(\.name.packfileParts)
    let indexed = Set(names.filter { $0.type == "idx" }.map(\.stem))
    return indexed.intersection(names.filter { $0.type == "pack" }.map(\.stem))
  }

  func choice(of name: Name, _ versions: ThreeWay<Node?>) -> Choice {
    let (stem, type) = name.packfileParts
    if name.bytes.starts(with: "multi-pack-index".utf8) { return .theirs }
    switch type {
    case "keep":
      // Who unlocked the packfile has done with it; who locks it anew has not.
      if versions.theirs == nil, versions.base != nil { return .theirs }
      if versions.ours == nil, versions.base.hasSameSubstance(as: versions.theirs) { return .ours }
      return .either
    case "promisor": return .either
    // git uses one bitmap, and warns of a second.
    case "bitmap" where versions.theirs == nil && hasBitmap: return .theirs
    default:
      if whole.theirs.contains(stem) { return .theirs }
      return whole.ours.contains(stem) ? .ours : .either
    }
  }
}

extension Name {
  /// `pack-ID` and `idx` of `pack-ID.idx`.
  fileprivate var packfileParts: (stem: [UInt8], type: String) {
    guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")) else { return (bytes, "") }
    return (Array(bytes[..<dot]), String(decoding: bytes[(dot + 1)...], as: UTF8.self))
  }
}
