import Foundation
import ResticTestSupport
import SystemPackage

@testable import ResticCore

/// A repository of known content, and its readable part when some of its blobs are lost.
///
/// Two snapshots, one built upon the other, each with an index file of its own: the first has `a`, `b`, `folder/inner`, the second `c` and `d`, too.
/// Every file is one blob; packs are small, so that there are several.
struct StoredSample: Sendable {
  /// One file or folder that a reader meets: its path, a `/` behind a folder's.
  typealias Path = String

  /// The snapshots, oldest first.
  let snapshots: [SavedSnapshot]
  /// The content of each index file, by the file's name.
  let blobsByIndexFile: [String: Set<BlobID>]
  private let repository: Repository
  private let contents: [Path: [UInt8]]
  private let blobsByPath: [Path: BlobID]

  /// Stores the sample in the empty repository of `vault`.
  init(in vault: MountedRepository) async throws {
    let repository = try await vault.opened(packByteCount: 64 << 10)
    var random = SplitMix64(seed: 7)
    var contents: [Path: [UInt8]] = [:]
    for (path, byteCount) in [("a", 50_000), ("b", 41_000), ("folder/inner", 30_000), ("c", 1), ("d", 90_000)] {
      contents[path] = random.bytes(byteCount)
    }
    var snapshots: [SavedSnapshot] = []
    for names in [["a", "b"], ["a", "b", "c", "d"]] {
      let saved = try await repository.save(seconds: Int64(snapshots.count), parent: snapshots.last?.id) {
        [contents] uploader in
        let inner = try await uploader.add(contents["folder/inner"] ?? [], type: .data)
        let folder = Tree(nodes: [Self.file("inner", inner, contents["folder/inner"])])
        var nodes = [Node(name: "folder", type: .dir, mode: 1 << 31 | 0o755)]
        nodes[0].subtree = try await uploader.add(folder.encode(), type: .tree)
        for name in names {
          nodes.append(Self.file(Name(name), try await uploader.add(contents[name] ?? [], type: .data), contents[name]))
        }
        return Tree(nodes: nodes).encode()
      }
      snapshots.append(saved)
    }
    var blobs = contents.mapValues { SHA256.id(of: $0, as: BlobID.self) }
    blobs["folder/"] = try await repository.rootNodes(of: snapshots[0])["folder"]?.subtree
    var listed: [String: Set<BlobID>] = [:]
    for id: IndexID in try await repository.list(.index) {
      let file = try IndexFile.decode(try await repository.unpacked.load(.index(id)))
      listed[id.hex] = Set(file.packs.flatMap { $0.blobs.map(\.id) })
    }
    blobsByIndexFile = listed
    self.snapshots = snapshots
    self.repository = repository
    self.contents = contents
    blobsByPath = blobs
  }

  private static func file(_ name: Name, _ blob: BlobID, _ bytes: [UInt8]?) -> Node {
    Node(name: name, type: .file, mode: 0o644, size: UInt64(bytes?.count ?? 0), links: 1, content: [blob])
  }

  /// The results of a reader of snapshot `number` if the blobs that `isLost` names cannot be read: the SHA-256 of each file,
  /// or `EIO`. Nil where there is nothing to mount: the root itself is lost.
  func readable(in number: Int, without isLost: (BlobID) -> Bool) -> [Path: String]? {
    guard !isLost(snapshots[number].snapshot.tree) else { return nil }
    var shown = contents.mapValues { SHA256.id(of: $0, as: BlobID.self).hex }
    if number == 0 { (shown["c"], shown["d"]) = (nil, nil) }
    for (path, blob) in blobsByPath where shown[path] != nil && isLost(blob) { shown[path] = "EIO" }
    if let folder = blobsByPath["folder/"], isLost(folder) {
      shown["folder/inner"] = nil
      shown["folder/"] = "EIO"
    }
    return shown
  }

  /// The blobs in the pack file `name` that have a byte in `range`.
  func blobs(ofPack name: String, in range: Range<Int>) -> [BlobID] {
    placed.filter { $0.location.pack.hex == name && $0.location.range.overlaps(range) }.map(\.id)
  }

  /// Of the blobs that are lost, those that a reader of the newest snapshot asks for.
  func met(_ lost: Set<BlobID>) -> [BlobID] {
    let inner = blobsByPath["folder/"].map(lost.contains) == true ? blobsByPath["folder/inner"] : nil
    return blobsByPath.values.filter { lost.contains($0) && $0 != inner }
  }

  private var placed: [(id: BlobID, location: BlobLocation)] {
    let data = blobsByPath.filter { $0.key != "folder/" }.values.map { BlobKey(id: $0, type: .data) }
    let trees = (snapshots.map(\.snapshot.tree) + [blobsByPath["folder/"]].compactMap { $0 })
      .map { BlobKey(id: $0, type: .tree) }
    return (data + trees).flatMap { key -> [(id: BlobID, location: BlobLocation)] in
      guard case .stored(let locations) = repository.directory.withLock({ $0.lookUp(key) }) else { return [] }
      return locations.map { (key.id, $0) }
    }
  }
}
