import ResticCore

/// Merges directories entry by entry.
///
/// A change by one side is taken, deletions included. If both sides changed an entry differently:
/// - two directories are merged recursively;
/// - if one side deleted the entry and the other changed it, the changed entry stays. Parts of a deleted directory that
///   the other side did not touch are deleted;
/// - otherwise their version stays, and our version is kept beside it under a name that `ConflictLabel` makes.
///
/// Mode, owner, times and extended attributes alone are never a conflict: the later version is taken. A git repository
/// is a unit: `RepositoryMerge` merges it, or it stays or goes as a whole.
struct DirectoryMerge {
  /// The result for a directory.
  enum Outcome {
    /// The merged tree; nil = deleted.
    case merged(BlobID?)
    /// The two cannot be merged into one directory.
    case impossible(UnmergeableReason)
  }

  /// The entries of a merged directory, while they are collected.
  struct Entries {
    var nodes: [Node] = []
    /// All names on all sides, and the names under which our versions are kept.
    var taken: Set<Name>

    init(taken: some Sequence<Name>) {
      self.taken = Set(taken)
    }

    mutating func append(_ node: Node?) {
      if let node { nodes.append(node) }
    }

    /// Keeps our `node` beside the entry `name`; returns its new name.
    mutating func keep(_ node: Node, beside name: Name, label: ConflictLabel) -> Name {
      var kept = node
      kept.name = label.name(beside: name) { taken.contains($0) }
      taken.insert(kept.name)
      nodes.append(kept)
      return kept.name
    }
  }

  let context: MergeContext

  /// The merged directory at `path`, whose place puts it at `position`; nil for a side means that the side has deleted
  /// it, or never had it. Entries in `quiet` are no conflicts: their version suffices.
  func mergeTrees(
    _ ids: ThreeWay<BlobID?>, at path: [Name], _ position: BareRepository.Position, quiet: Set<Name> = []
  ) async throws -> Outcome {
    if ids.theirs == ids.ours || ids.ours == ids.base { return .merged(ids.theirs) }
    if ids.theirs == ids.base { return .merged(ids.ours) }
    let nodes = try await context.nodes(of: ids, at: position)
    let isRepository = nodes.map { nodes in BareRepository.isRepository { nodes.contains($0) } }
    if isRepository.theirs, isRepository.ours {
      return try await RepositoryMerge(context: context, path: path, nodes: nodes).merge()
    }
    if isRepository.base, isRepository.theirs || isRepository.ours {
      guard ids.theirs != nil, ids.ours != nil else {
        context.conflicts.append(.deletion(path: path, changedBy: ids.ours == nil ? .theirs : .ours))
        return .merged(ids.theirs ?? ids.ours)
      }
      return .impossible(.notARepository)
    }
    var entries = Entries(taken: nodes.entries.map(\.name))
    let inner = BareRepository.position(position) { nodes.theirs.contains($0) || nodes.ours.contains($0) }
    for (name, nodes) in nodes.entries {
      try await merge(nodes, named: name, at: path, inner, isQuiet: quiet.contains(name), into: &entries)
    }
    if entries.nodes.isEmpty, ids.theirs == nil || ids.ours == nil { return .merged(nil) }
    return .merged(try await context.store(entries.nodes))
  }

  /// Adds the merged entry `name` of the directory at `path` and `position`, and our version beside it if it is kept.
  func merge(
    _ nodes: ThreeWay<Node?>, named name: Name, at path: [Name], _ position: BareRepository.Position,
    isQuiet: Bool = false, into entries: inout Entries
  ) async throws {
    context.hardLinks.note(nodes)
    let (base, theirs, ours) = (nodes.base, nodes.theirs, nodes.ours)
    if theirs == ours || ours == base { return entries.append(theirs) }
    if theirs == base { return entries.append(ours) }
    let inner = BareRepository.position(of: name, in: position)
    guard let theirs, let ours else {
      return try await mergeDeletion(nodes, at: path + [name], inner, isQuiet: isQuiet, into: &entries)
    }
    if theirs.hasSameSubstance(as: ours) {
      return entries.append(ThreeWay.metadata(base: base, theirs: theirs, ours: ours))
    }
    if base.hasSameSubstance(as: ours) { return entries.append(theirs.adoptingMetadata(of: ours, since: base)) }
    if base.hasSameSubstance(as: theirs) { return entries.append(ours.adoptingMetadata(of: theirs, since: base)) }
    if theirs.type == .dir, ours.type == .dir,
      case .merged(let tree) = try await mergeTrees(nodes.subtrees, at: path + [name], inner)
    {
      return entries.append(context.directory(ThreeWay.metadata(base: base, theirs: theirs, ours: ours), tree))
    }
    entries.append(theirs)
    if isQuiet { return }
    let kept = entries.keep(ours, beside: name, label: context.label)
    context.conflicts.append(.file(path: path + [name], keptAs: path + [kept]))
  }

  /// Adds an entry that one side deleted (or never had) and the other changed.
  private func mergeDeletion(
    _ nodes: ThreeWay<Node?>, at path: [Name], _ position: BareRepository.Position, isQuiet: Bool,
    into entries: inout Entries
  ) async throws {
    guard let changed = nodes.theirs ?? nodes.ours else { return }
    if nodes.base.hasSameSubstance(as: changed) { return }
    if changed.type == .dir, nodes.base?.type == .dir {
      guard case .merged(let tree) = try await mergeTrees(nodes.subtrees, at: path, position) else {
        return entries.append(changed)
      }
      return entries.append(context.directory(changed, tree))
    }
    entries.append(changed)
    if !isQuiet {
      context.conflicts.append(.deletion(path: path, changedBy: nodes.ours == nil ? .theirs : .ours))
    }
  }
}
