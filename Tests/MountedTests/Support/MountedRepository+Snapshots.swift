import Foundation

extension MountedRepository {
  /// A snapshot as restic shows it.
  struct Snapshot: Decodable {
    var id: String
    var time: String
    var tree: String
    var parent: String?
    var paths: [String]
    var hostname: String
    var username: String
    var tags: [String]?
  }

  /// All snapshots, the oldest first; with `latest` those that restic takes for the latest of each group.
  func snapshots(_ arguments: [String] = []) async throws -> [Snapshot] {
    let text = try await restic(["snapshots", "--json", "--no-lock"] + arguments)
    return try Self.decode(text.isEmpty || text == "null" ? "[]" : text)
  }

  /// The content of a file in a snapshot, as restic dumps it.
  func dump(_ path: String, of snapshot: String = "latest") async throws -> String {
    try await restic(["dump", "--no-lock", snapshot, path])
  }
}
