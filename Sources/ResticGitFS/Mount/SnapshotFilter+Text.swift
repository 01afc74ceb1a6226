import ResticCore

extension SnapshotFilter {
  /// That no snapshot matches, as far as a person has to know of it: nil where there is none of anything.
  func absence(among snapshotCount: Int) -> String? {
    guard snapshotCount > 0, !isEmpty else { return nil }
    return "no snapshot \(text); \(snapshotCount) others"
  }

  /// What the snapshots are of, for people.
  private var text: String {
    let parts = [
      hosts.isEmpty ? nil : "of host \(hosts.joined(separator: " or "))",
      tags.isEmpty ? nil : "with tag \(tags.map { $0.joined(separator: ",") }.joined(separator: " or "))",
      paths.isEmpty ? nil : "of path \(paths.joined(separator: " and "))",
    ]
    return parts.compactMap { $0 }.joined(separator: ", ")
  }
}
