import Foundation
import SystemPackage
import Testing

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

  /// The tree of the latest snapshot's root, as it is stored.
  func rootTree() async throws -> String {
    let latest = try #require(try await snapshots().last)
    return try await restic(["cat", "blob", latest.tree])
  }

  /// The names of all packs.
  func packs() throws -> Set<String> {
    Set(try stored("data").flatMap { try stored("data/\($0)") })
  }

  /// The size of a pack.
  func packByteCount(_ name: String) throws -> Int {
    let path = repository.appending("data/\(name.prefix(2))/\(name)").string
    return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
  }
}
