import ResticCore

/// Merges two copies of one git repository: objects, refs, reflogs and `shallow` by their meaning, all other files as
/// files.
struct RepositoryMerge {
  let context: MergeContext
  /// The place of its root in the merged tree.
  let path: [Name]
  /// The entries of its root. Theirs and ours are git repositories; without a base, `base` is empty.
  let nodes: ThreeWay<[Node]>

  /// The files that hold refs.
  private static let refStorage: [Name] = ["HEAD", "refs", "packed-refs", "reftable"]

  func merge() async throws -> DirectoryMerge.Outcome {
    guard try await hasOneObjectFormat() else { return .impossible(.objectFormat) }
    var entries = DirectoryMerge.Entries(taken: nodes.entries.map(\.name))
    let refs = try await mergeRefs(into: &entries)
    let directory = DirectoryMerge(context: context)
    for (name, versions) in nodes.entries where !Self.refStorage.contains(name) {
      switch name {
      case "objects" where versions.theirs?.type == .dir && versions.ours?.type == .dir:
        entries.append(try await ObjectMerge(context: context, format: try await objectFormat()).merge(versions))
      case "logs" where versions.map { $0?.type ?? .dir } == ThreeWay(base: .dir, theirs: .dir, ours: .dir):
        entries.append(try await ReflogMerge(context: context, refs: refs).merge(versions))
      case "shallow":
        entries.append(try await LineUnion(context: context).merge(versions))
      case "info" where versions.theirs?.type == .dir && versions.ours?.type == .dir:
        entries.append(try await mergeInfo(versions))
      case "config" where refs.isStorageMixed:
        // The config determines how refs are stored, and their refs are taken.
        entries.append(versions.theirs)
        if let ours = versions.ours, !versions.theirs.hasSameSubstance(as: ours),
          !versions.base.hasSameSubstance(as: ours)
        {
          let kept = entries.keep(ours, beside: name, label: context.label)
          context.conflicts.append(.file(path: path + [name], keptAs: path + [kept]))
        }
      default:
        try await directory.merge(versions, named: name, at: path, .root, isQuiet: Self.isQuiet(name), into: &entries)
      }
    }
    return .merged(try await context.store(entries.nodes))
  }

  /// Whether it does not matter which side's file is taken: refs that git commands leave for the next command
  /// (`FETCH_HEAD`, `ORIG_HEAD` …; git uses names in capitals for these) and notes of gc.
  static func isQuiet(_ name: Name) -> Bool {
    if name == "gc.log" || name == "gc.pid" { return true }
    return name.bytes.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "_") }
  }

  /// `info/refs` is derived from the refs, for clients of plain HTTP.
  private func mergeInfo(_ versions: ThreeWay<Node?>) async throws -> Node? {
    guard let theirs = versions.theirs, let ours = versions.ours,
      case .merged(let tree) = try await DirectoryMerge(context: context).mergeTrees(
        versions.subtrees, at: path + ["info"], .info, quiet: ["refs"])
    else { return versions.theirs }
    return context.directory(ThreeWay.metadata(base: versions.base, theirs: theirs, ours: ours), tree)
  }

  // MARK: Refs

  /// The facts about the merged repository's refs that other parts need.
  struct Refs {
    /// To look refs up.
    var storage: RefStorage
    /// Whether one side has reftables and the other has not.
    var isStorageMixed: Bool
  }

  private func mergeRefs(into entries: inout DirectoryMerge.Entries) async throws -> Refs {
    let isReftable = nodes.map { $0.contains("reftable") }
    let isStorageMixed = isReftable.theirs != isReftable.ours
    let trees = RefTreeCache(context)
    var merged = nodes.theirs.filter { Self.refStorage.contains($0.name) }
    let isChanged = hasChangedRefs
    if isChanged.ours, !isChanged.theirs, !isStorageMixed {
      merged = nodes.ours.filter { Self.refStorage.contains($0.name) }
    } else if isChanged.ours, isReftable.theirs || isReftable.ours {
      context.conflicts.append(.unmergeable(repository: path, reason: .reftable))
    } else if isChanged.ours, isChanged.theirs {
      if let sides = try await refStorages(trees) {
        var merge = RefMerge(context, repository: path, sides: sides, trees: trees)
        let result = try await merge.merge(into: &entries)
        merged = [result.head, result.refs, result.packedRefs].compactMap { $0 }
      } else {
        context.conflicts.append(.unmergeable(repository: path, reason: .packedRefs))
      }
    }
    entries.nodes += merged
    let (storage, _) = try await refStorage(merged, trees)
    return Refs(storage: storage, isStorageMixed: isStorageMixed)
  }

  /// Which sides changed the files that hold refs.
  private var hasChangedRefs: (theirs: Bool, ours: Bool) {
    var changed = (theirs: false, ours: false)
    for name in Self.refStorage {
      let versions = nodes[name]
      if !versions.theirs.hasSameSubstance(as: versions.base) { changed.theirs = true }
      if !versions.ours.hasSameSubstance(as: versions.base) { changed.ours = true }
    }
    return changed
  }

  /// The refs of the three sides; nil if one has an unreadable `packed-refs`, or a `refs` that is not a directory.
  private func refStorages(_ trees: RefTreeCache) async throws -> ThreeWay<RefStorage>? {
    let base = try await refStorage(nodes.base, trees)
    let theirs = try await refStorage(nodes.theirs, trees)
    let ours = try await refStorage(nodes.ours, trees)
    guard base.isReadable, theirs.isReadable, ours.isReadable, theirs.storage.refs?.type == .dir,
      ours.storage.refs?.type == .dir
    else { return nil }
    return ThreeWay(base: base.storage, theirs: theirs.storage, ours: ours.storage)
  }

  private func refStorage(_ nodes: [Node], _ trees: RefTreeCache) async throws -> (
    storage: RefStorage, isReadable: Bool
  ) {
    let packedNode = nodes.first { $0.name == "packed-refs" }
    var packed: PackedRefs? = .empty
    if let packedNode {
      packed = packedNode.type == .file ? try await trees.packedRefs(packedNode) : nil
    }
    let storage = RefStorage(
      context, trees: trees, head: nodes.first { $0.name == "HEAD" }, refs: nodes.first { $0.name == "refs" },
      packedNode: packedNode, packed: packed ?? .empty)
    return (storage, packed != nil)
  }

  // MARK: Object format

  /// Their object format, which is also ours. If it is a future one, nothing is known about the packfiles.
  private func objectFormat() async throws -> ObjectFormat {
    guard let config = nodes["config"].theirs else { return .sha1 }
    return ObjectFormat(rawValue: try await objectFormat(config)) ?? .sha1
  }

  private func hasOneObjectFormat() async throws -> Bool {
    let config = nodes["config"]
    guard let theirs = config.theirs, let ours = config.ours, !theirs.hasSameSubstance(as: ours) else { return true }
    return try await objectFormat(theirs) == objectFormat(ours)
  }

  /// `extensions.objectFormat` in a config file, git-config(1): the last value that is set.
  private func objectFormat(_ config: Node) async throws -> String {
    var format = "sha1"
    guard config.type == .file, let bytes = try await context.bytes(of: config, byteLimit: 1 << 20) else {
      return format
    }
    var section = ""
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let text = String(decoding: line, as: UTF8.self).lowercased().filter { !$0.isWhitespace }
      if text.hasPrefix("[") { section = String(text.prefix { $0 != "]" }.dropFirst()) }
      if section == "extensions",
        let value = text.split(separator: "]").last?.wholeMatch(of: /objectformat=([^#;]*).*/)?.1
      {
        format = value.filter { $0 != "\"" }
      }
    }
    return format
  }
}
