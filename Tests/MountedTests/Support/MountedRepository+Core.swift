import ResticCore
import ResticTestSupport
import SystemPackage

extension MountedRepository {
  /// The repository as this process opens it, with its index loaded: to store files that no program would.
  func opened(packByteCount: Int = 16 << 20) async throws -> Repository {
    var settings = Repository.Settings()
    settings.packByteCount = packByteCount
    settings.compression = .off
    var password = Array(Self.password.utf8)
    let repository = try await Repository.open(
      on: LocalBackend(path: self.repository), password: SecureBytes(wiping: &password), settings: settings)
    try await repository.loadIndex()
    return repository
  }
}

extension Repository {
  /// Saves a snapshot of the tree with the text `root`, valid or not; `add` first stores the blobs that the tree names.
  @discardableResult
  func save(
    seconds: Int64 = 0, parent: SnapshotID? = nil, _ root: (Uploader) async throws -> [UInt8]
  ) async throws -> SavedSnapshot {
    let uploader = makeUploader()
    let id = try await uploader.add(try await root(uploader), type: .tree)
    let tree = try await uploader.finish(root: id)
    let time = Timestamp(seconds: 1_700_000_000 + seconds, nanoseconds: 0)
    return try await saveSnapshot(Snapshot(time: time, parent: parent, tree: id, paths: ["/git"]), of: tree)
  }

  /// The nodes of a snapshot's root by name.
  func rootNodes(of saved: SavedSnapshot) async throws -> [Name: Node] {
    let nodes = try await loadTree(saved.snapshot.tree).nodes
    return Dictionary(nodes.map { ($0.name, $0) }) { $1 }
  }
}
