import ResticCore

/// Merges the refs of two copies of one git repository, ref by ref, across loose and packed refs and `HEAD`.
///
/// A ref that one side changed (made, moved, deleted) gets that side's value; equal changes of both sides are fine.
/// Otherwise their value stays and ours is kept: an id beneath `refs/conflicts`, a symbolic ref as a file beside
/// `HEAD`. Two more cases are conflicts, because git could not read the result:
/// - one of our refs and one of theirs, if one name is a folder of the other;
/// - a symbolic ref that one side made or moved, and whose target the other side deleted: their refs stay, including
///   the target.
///
/// Only refs that may differ are read. The result is their files with as few changes as possible: a ref of ours that is
/// a loose file on either side becomes a loose file; a ref that is packed in ours, and not loose in theirs, is packed.
struct RefMerge {
  /// The entries of the merged repository.
  struct Merged {
    var head: Node?
    var refs: Node?
    var packedRefs: Node?
  }

  private enum Decision {
    case takeOurs(RefValue?)
    case conflict(RefConflict.Cause)
  }

  private let context: MergeContext
  private let repository: [Name]
  private let sides: ThreeWay<RefStorage>
  private let trees: RefTreeCache
  /// The refs that differ, by name: all others are as in theirs.
  private var values: [RefName: ThreeWay<RefValue?>] = [:]
  private var decisions: [RefName: Decision] = [:]
  /// The refs under which our values are kept.
  private var keptNames: Set<RefName> = []
  /// The folders of those refs.
  private var keptFolders: Set<RefName> = []

  /// The merge of the refs of `repository`. The sides load trees through `trees`.
  init(_ context: MergeContext, repository: [Name], sides: ThreeWay<RefStorage>, trees: RefTreeCache) {
    self.context = context
    self.repository = repository
    self.sides = sides
    self.trees = trees
  }

  /// Adds the merged entries, and a file for each of our values that has to be kept outside of refs, to `entries`.
  mutating func merge(into entries: inout DirectoryMerge.Entries) async throws -> Merged {
    for name in try await candidates() {
      values[name] = try await ThreeWay(
        base: sides.base.value(of: name), theirs: sides.theirs.value(of: name), ours: sides.ours.value(of: name))
    }
    decide()
    // A refused ref may prevent others. Each round takes fewer of our refs, so this ends.
    var count = -1
    while count != conflictCount {
      count = conflictCount
      keepTargetsOfTheirs()
      try await refuseTakenNames()
      try await refuseTargetsGone()
    }
    return try await write(into: &entries)
  }

  private var sortedDecisions: [(name: RefName, decision: Decision)] {
    decisions.sorted { $0.key < $1.key }.map { (name: $0.key, decision: $0.value) }
  }

  /// The refs that our side deletes and theirs has.
  private var deletions: Set<RefName> {
    Set(decisions.compactMap { if case .takeOurs(nil) = $0.value { $0.key } else { nil } })
  }

  // MARK: What may differ

  private func candidates() async throws -> Set<RefName> {
    var names: Set<RefName> = []
    names.formUnion(sides.theirs.packed.differences(from: sides.base.packed))
    names.formUnion(sides.ours.packed.differences(from: sides.base.packed))
    try await collectLoose(sides.map { $0.refs }.subtrees, at: ["refs"], into: &names)
    names.insert(.head)
    return names
  }

  private func collectLoose(_ ids: ThreeWay<BlobID?>, at path: [Name], into names: inout Set<RefName>) async throws {
    if ids.theirs == ids.base, ids.ours == ids.base { return }
    let nodes = try await ThreeWay(
      base: trees.nodes(of: ids.base), theirs: trees.nodes(of: ids.theirs), ours: trees.nodes(of: ids.ours))
    for (name, nodes) in nodes.entries {
      let path = path + [name]
      let files = nodes.map { $0?.type == .dir ? nil : $0 }
      if !files.theirs.hasSameSubstance(as: files.base) || !files.ours.hasSameSubstance(as: files.base) {
        names.insert(RefName(path: path))
      }
      try await collectLoose(nodes.subtrees, at: path, into: &names)
    }
  }

  // MARK: What becomes of it

  private mutating func decide() {
    for (name, value) in values where value.theirs != value.ours && value.ours != value.base {
      decisions[name] = value.theirs == value.base ? .takeOurs(value.ours) : .conflict(.changedByBoth)
    }
  }

  private var conflictCount: Int {
    decisions.values.count { if case .conflict = $0 { true } else { false } }
  }

  /// A ref that our side deletes stays if one of their symbolic refs names it, unless ours has the same symbolic ref.
  private mutating func keepTargetsOfTheirs() {
    let deletions = deletions
    for (name, value) in values where value.theirs != value.ours {
      if case .takeOurs? = decisions[name] { continue }
      guard case .symbolic(let target)? = value.theirs, deletions.contains(target) else { continue }
      decisions[target] = .conflict(.targetDeleted(name))
    }
  }

  /// A ref of ours is not made if its name is a folder of one of theirs, or the other way round.
  private mutating func refuseTakenNames() async throws {
    let deletions = deletions
    for (name, decision) in decisions {
      guard case .takeOurs(_?) = decision, name != .head else { continue }
      for parent in name.parents where !deletions.contains(parent) {
        if try await sides.theirs.contains(parent) { decisions[name] = .conflict(.nameTaken(by: parent)) }
      }
      if let taken = try await sides.theirs.firstName(in: name, excluding: deletions) {
        decisions[name] = .conflict(.nameTaken(by: taken))
      }
    }
  }

  /// A symbolic ref of ours is not made if its target no longer exists.
  private mutating func refuseTargetsGone() async throws {
    for (name, decision) in decisions {
      guard case .takeOurs(.symbolic(let target)?) = decision, try await sides.ours.contains(target),
        try await !isMerged(target)
      else { continue }
      decisions[name] = .conflict(.targetDeleted(target))
    }
  }

  /// Whether the merged repository has this ref.
  private func isMerged(_ name: RefName) async throws -> Bool {
    if case .takeOurs(let value)? = decisions[name] { return value != nil }
    return try await sides.theirs.contains(name)
  }

  // MARK: Writing

  private mutating func write(into entries: inout DirectoryMerge.Entries) async throws -> Merged {
    var head = sides.theirs.head
    var edits = RefEdits()
    var unpacked: Set<RefName> = []
    var packed: [PackedRefs.Entry] = []
    var conflictFolder: RefName?
    for (name, decision) in sortedDecisions {
      switch decision {
      case .takeOurs(_) where name == .head:
        head = sides.ours.head
      case .takeOurs(nil):
        if case .file = try await sides.theirs.loose(at: name) { edits.note(.remove, of: name) }
        if sides.theirs.packed[name] != nil { unpacked.insert(name) }
      case .takeOurs(let value?):
        if case .file(let node) = try await sides.ours.loose(at: name) {
          edits.note(.set(node), of: name)
        } else if case .file(let node) = try await sides.theirs.loose(at: name) {
          edits.note(.set(try await context.file(value.file, like: node)), of: name)
        } else if let entry = sides.ours.packed[name] {
          packed.append(entry)
        }
      case .conflict(let cause):
        if conflictFolder == nil { conflictFolder = try await vacantFolder() }
        guard let folder = conflictFolder else { continue }
        let kept = try await keep(name, in: folder, &edits, &entries)
        let value = values[name] ?? ThreeWay(base: nil, theirs: nil, ours: nil)
        context.conflicts.append(
          .ref(
            RefConflict(
              repository: repository, name: name, base: value.base, theirs: value.theirs, ours: value.ours,
              cause: cause,
              kept: kept)))
      }
    }
    return Merged(head: head, refs: try await refs(with: edits), packedRefs: try await packedRefs(unpacked, packed))
  }

  private func refs(with edits: RefEdits) async throws -> Node? {
    guard let theirs = sides.theirs.refs, let ours = sides.ours.refs, !edits.isEmpty else { return sides.theirs.refs }
    let tree = try await edits.apply(to: theirs.subtree, ours: sides.ours, trees: trees, context)
    return context.directory(ThreeWay.metadata(base: sides.base.refs, theirs: theirs, ours: ours), tree)
  }

  private func packedRefs(_ removed: Set<RefName>, _ added: [PackedRefs.Entry]) async throws -> Node? {
    guard !removed.isEmpty || !added.isEmpty, var node = sides.theirs.packedNode ?? sides.ours.packedNode else {
      return sides.theirs.packedNode
    }
    if let ours = sides.ours.packedNode { node.mtime = max(node.mtime, ours.mtime) }
    let merged = sides.theirs.packed.replacing(removed, with: added, from: sides.ours.packed)
    return try await context.file(merged.encode(), like: node)
  }

  // MARK: Keeping ours

  /// Keeps our value of `name`: an id as a ref in `folder`, anything else as a file beside `HEAD`.
  private mutating func keep(
    _ name: RefName, in folder: RefName, _ edits: inout RefEdits, _ entries: inout DirectoryMerge.Entries
  ) async throws -> RefConflict.Kept {
    guard let value = values[name]?.ours else { return .nothing }
    var node = sides.ours.packedNode ?? sides.ours.head
    if case .file(let file) = try await sides.ours.loose(at: name) { node = file }
    guard let node else { preconditionFailure("a ref is in a file") }
    // A symbolic ref would break when its target is deleted, and an invalid value is already broken: both are kept as
    // files.
    if case .object = value {
      let ref = unusedName(for: name, in: folder)
      if ref.isLooseFile {
        keptNames.insert(ref)
        keptFolders.formUnion(ref.parents)
        edits.note(.set(try await context.file(value.file, like: node)), of: ref)
        return .ref(ref)
      }
    }
    let flatName = Name(Array(name.bytes.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: "-") : $0 }))
    return .file(entries.keep(node, beside: flatName, label: context.label))
  }

  /// An unused name for keeping our value. Only names that git does not accept for refs can collide.
  private func unusedName(for name: RefName, in folder: RefName) -> RefName {
    let wanted = folder.appending(name.sanitizedForConflict)
    var ref = wanted
    var number = 2
    while keptNames.contains(ref) || keptFolders.contains(ref) || ref.parents.contains(where: keptNames.contains) {
      ref = RefName(wanted.bytes + Array("-\(number)".utf8))
      number += 1
    }
    return ref
  }

  /// `refs/conflicts/HOST/TIME`, with a number if a ref is in the way.
  private func vacantFolder() async throws -> RefName {
    let label = context.label
    var number = 1
    while true {
      let suffix = number == 1 ? "" : "-\(number)"
      for name in [
        "refs/conflicts/\(label.host)/\(label.time)\(suffix)", "refs/conflicts\(suffix)/\(label.host)/\(label.time)",
      ] {
        let folder = RefName(name.utf8)
        if try await isVacant(folder) { return folder }
      }
      number += 1
    }
  }

  private func isVacant(_ folder: RefName) async throws -> Bool {
    for name in folder.parents + [folder] where try await isMerged(name) { return false }
    if try await sides.theirs.firstName(in: folder, excluding: []) != nil { return false }
    return !decisions.contains { name, decision in
      if case .takeOurs(_?) = decision { folder.isFolder(of: name) } else { false }
    }
  }
}
