import ResticCore

extension SnapshotFilter {
  /// The message that no snapshot matches; nil if there are no snapshots at all.
  func absence(among snapshotCount: Int) -> String? {
    guard snapshotCount > 0, !isEmpty else { return nil }
    return "no snapshot \(text); other snapshots: \(snapshotCount)"
  }

  /// The filter in words.
  private var text: String {
    let parts = [
      hosts.isEmpty ? nil : "of host \(hosts.joined(separator: " or "))",
      tags.isEmpty ? nil : "with tag \(tags.map { $0.joined(separator: ",") }.joined(separator: " or "))",
      paths.isEmpty ? nil : "of path \(paths.joined(separator: " and "))",
    ]
    return parts.compactMap { $0 }.joined(separator: ", ")
  }
}
