import ResticCore

/// Merges reflogs: a log to which both sides appended has the lines of both, in the order of their times, each once.
///
/// A log that only one side has stays if the merged repository has its ref, whoever made or deleted the log: git cannot
/// make a ref if a left-behind log has the name of the ref's folder.
/// Source: `refs/files-backend.c` of git 2.39; checked by `ReflogMergeTests`.
struct ReflogMerge {
  let context: MergeContext
  /// The merged refs.
  let refs: RepositoryMerge.Refs

  /// The size limit of a log that is merged line by line; of a larger one, theirs is taken.
  private static let byteLimit = 64 << 20

  /// The merged directory `logs`; nil if there is none.
  func merge(_ versions: ThreeWay<Node?>) async throws -> Node? {
    try await merge(versions, at: [])
  }

  /// `path` is relative to `logs`.
  private func merge(_ versions: ThreeWay<Node?>, at path: [Name]) async throws -> Node? {
    context.hardLinks.note(versions)
    let (base, theirs, ours) = (versions.base, versions.theirs, versions.ours)
    if theirs == ours { return theirs }
    if let theirs, let ours, theirs.type != .dir, ours.type != .dir {
      if base.hasSameSubstance(as: ours) { return theirs }
      if base.hasSameSubstance(as: theirs) { return ours }
      return try await unite(base: base, theirs: theirs, ours: ours)
    }
    // One side has a log here and the other none, or a folder of logs, or both have folders.
    for log in [theirs, ours] {
      guard let log, log.type != .dir else { continue }
      // A log that only theirs ever had stays as it is.
      if try await refs.storage.contains(RefName(path: path)) || log == theirs && base == nil && ours == nil {
        return log
      }
    }
    let folders = versions.map { $0?.type == .dir ? $0 : nil }
    guard let folder = folders.theirs ?? folders.ours else { return nil }
    if let theirs = folders.theirs, let ours = folders.ours {
      let node = ThreeWay.metadata(base: folders.base, theirs: theirs, ours: ours)
      return context.directory(node, try await mergeTrees(folders.subtrees, at: path))
    }
    return context.directory(folder, try await mergeTrees(folders.subtrees, at: path))
  }

  private func mergeTrees(_ ids: ThreeWay<BlobID?>, at path: [Name]) async throws -> BlobID? {
    if ids.theirs == ids.ours { return ids.theirs }
    var merged: [Node] = []
    for (name, versions) in try await context.nodes(of: ids, at: .elsewhere).entries {
      if let node = try await merge(versions, at: path + [name]) { merged.append(node) }
    }
    if merged.isEmpty, ids.theirs == nil || ids.ours == nil { return nil }
    return try await context.store(merged)
  }

  private func unite(base: Node?, theirs: Node, ours: Node) async throws -> Node {
    let node = ThreeWay.metadata(base: base, theirs: theirs, ours: ours)
    if theirs.hasSameSubstance(as: ours) { return node }
    guard theirs.type == .file, ours.type == .file,
      let theirBytes = try await context.bytes(of: theirs, byteLimit: Self.byteLimit),
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

  /// Lines with their times. A line without a time, or with an earlier time than the line above, stays in its place.
  private static func times(of lines: [ArraySlice<UInt8>]) -> [(line: ArraySlice<UInt8>, time: Int64)] {
    var latest = Int64.min
    return lines.map { line in
      latest = max(latest, time(of: line) ?? latest)
      return (line: line, time: latest)
    }
  }

  /// The seconds in `OLD NEW NAME <MAIL> SECONDS ZONE`, which may be followed by a tab and a message.
  private static func time(of line: ArraySlice<UInt8>) -> Int64? {
    let words = line.prefix { $0 != UInt8(ascii: "\t") }.split(separator: UInt8(ascii: " "))
    guard words.count >= 2 else { return nil }
    return Int64(String(decoding: words[words.count - 2], as: UTF8.self))
  }
}
