import ResticCore

/// Merges a file that is a set of lines, of which each stands for something that one side can't do without.
///
/// A line that either side has stays, also if the other side deleted it:
/// - `objects/info/alternates`: where the objects are that are not here;
/// - `shallow`: commits whose parents may be missing. Whether they still are can't be told without reading all history. A line
///   too many only hides parents, which stay stored (`git fetch --unshallow` shows them again); a line too few breaks the
///   repository, and it would where one side deleted a shallow branch while the other pushed to it.
struct LineUnion {
  let context: MergeContext

  /// More than any such file has.
  private static let byteLimit = 64 << 20

  /// Theirs with the lines that only ours has at the end.
  func merge(_ versions: ThreeWay<Node?>) async throws -> Node? {
    guard let theirs = versions.theirs else { return versions.ours }
    guard let ours = versions.ours, theirs.type == .file, ours.type == .file, !theirs.hasSameSubstance(as: ours),
      let theirBytes = try await context.bytes(of: theirs, byteLimit: Self.byteLimit),
      let ourBytes = try await context.bytes(of: ours, byteLimit: Self.byteLimit)
    else { return theirs }
    let known = Set(theirBytes.lines)
    let added = ourBytes.lines.filter { !known.contains($0) }
    if added.isEmpty { return theirs }
    let lines = theirBytes.lines + added
    return try await context.file(
      Array(lines.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")], like: theirs)
  }
}

extension [UInt8] {
  /// The lines, without their ends and without empty ones.
  var lines: [ArraySlice<UInt8>] { split(separator: UInt8(ascii: "\n")) }
}
