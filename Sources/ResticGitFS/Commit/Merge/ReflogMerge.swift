import ResticCore

/// Merges reflogs: a log that both sides appended to has the lines of both, in the order of their times, each once.
///
/// The log of a ref that is gone goes too: git could not make a ref in a folder of its name. So does what the other side's ref is
/// a folder of. Source: `refs/files-backend.c` of git 2.39; checked by `ReflogMergeTests`.
struct ReflogMerge {
  let context: MergeContext
  /// The merged refs.
  let refs: RepositoryMerge.Refs

  /// Logs are text; one of more than this is not united but theirs.
  private static let byteLimit = 64 << 20

  /// The merged directory `logs`; nil if there is none.
  func merge(_ versions: ThreeWay<Node?>) async throws -> Node? {
    try await merge(versions, at: [])
  }

  /// `path` is that below `logs`.
  private func merge(_ versions: ThreeWay<Node?>, at path: [Name]) async throws -> Node? {
    context.hardLinks.note(versions)
    let (base, theirs, ours) = (versions.base, versions.theirs, versions.ours)
    if theirs == ours || base.hasSameSubstance(as: ours) { return theirs }
    if base.hasSameSubstance(as: theirs) { return ours }
    guard let theirs, let ours else {
      guard let changed = theirs ?? ours else { return nil }
      if changed.type == .dir {
        let tree = try await mergeTrees(versions.subtrees, at: path)
        return context.directory(changed, tree)
      }
      return try await refs.storage.contains(RefName(path: path)) ? changed : nil
    }
    switch (theirs.type, ours.type) {
    case (.dir, .dir):
      let tree = try await mergeTrees(versions.subtrees, at: path)
      return context.directory(ThreeWay.metadata(base: base, theirs: theirs, ours: ours), tree)
    case (.file, .file):
      return try await unite(base: base, theirs: theirs, ours: ours)
    default:
      return theirs
    }
  }

  private func mergeTrees(_ ids: ThreeWay<BlobID?>, at path: [Name]) async throws -> BlobID? {
    var merged: [Node] = []
    for (name, versions) in try await context.nodes(of: ids).entries {
      if let node = try await merge(versions, at: path + [name]) { merged.append(node) }
    }
    if merged.isEmpty, ids.theirs == nil || ids.ours == nil { return nil }
    return try await context.store(merged)
  }

  private func unite(base: Node?, theirs: Node, ours: Node) async throws -> Node {
    let node = ThreeWay.metadata(base: base, theirs: theirs, ours: ours)
    if theirs.hasSameSubstance(as: ours) { return node }
    guard let theirBytes = try await context.bytes(of: theirs, byteLimit: Self.byteLimit),
      let ourBytes = try await context.bytes(of: ours, byteLimit: Self.byteLimit)
    else { return theirs }
    return try await context.file(Self.unite(theirBytes, ourBytes), like: node)
  }

  /// The lines of both logs.
  static func unite(_ theirs: [UInt8], _ ours: [UInt8]) -> [UInt8] {
    let (theirLines, ourLines) = (theirs.lines, ours.lines)
    var known: [ArraySlice<UInt8>: Int] = [:]
    for line in theirLines { known[line, default: 0] += 1 }
    let added = ourLines.filter { line in
      guard let count = known[line], count > 0 else { return true }
      known[line] = count - 1
      return false
    }
    var (left, right) = (times(of: theirLines)[...], times(of: added)[...])
    var result: [UInt8] = []
    result.reserveCapacity(theirs.count + ours.count)
    while let next = left.first ?? right.first {
      var line = next.line
      if let ours = right.first, left.isEmpty || ours.time < next.time {
        line = ours.line
        right.removeFirst()
      } else {
        left.removeFirst()
      }
      result += line
      result.append(UInt8(ascii: "\n"))
    }
    return result
  }

  /// Lines with their times. A line without one, or with one before that of the line above, stays where it is.
  private static func times(of lines: [ArraySlice<UInt8>]) -> [(line: ArraySlice<UInt8>, time: Int64)] {
    var latest = Int64.min
    return lines.map { line in
      latest = max(latest, time(of: line) ?? latest)
      return (line: line, time: latest)
    }
  }

  /// The seconds in `OLD NEW NAME <MAIL> SECONDS ZONE`, which a tab and a message may follow.
  private static func time(of line: ArraySlice<UInt8>) -> Int64? {
    let words = line.prefix { $0 != UInt8(ascii: "\t") }.split(separator: UInt8(ascii: " "))
    guard words.count >= 2 else { return nil }
    return Int64(String(decoding: words[words.count - 2], as: UTF8.self))
  }
}
