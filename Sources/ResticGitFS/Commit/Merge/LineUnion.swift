import ResticCore

/// Merges a file that is a set of lines, each of which one side may depend on.
///
/// A line of either side stays, even if the other side deleted it:
/// - `objects/info/alternates`: where objects are that are not here;
/// - `shallow`: commits whose parents may be missing. Whether they are still missing cannot be told without reading all
///   history. A superfluous line only hides parents, which stay stored (`git fetch --unshallow` shows them again); a
///   missing line breaks the repository, for example if one side deleted a shallow branch while the other pushed to it.
struct LineUnion {
  let context: MergeContext

  /// More than any such file has.
  private static let byteLimit = 64 << 20

  /// Their file, followed by the lines that only our file has.
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
