/// Small trees that are loaded from a network before they are needed: a program that enters a directory usually enters
/// its subdirectories next, and that takes a round of requests for each level. The trees stay for a while, because many
/// directories are equal, above all empty ones.
///
/// Limits: directories with more than `directoryLimit` subdirectories and larger trees are not loaded ahead. The newest
/// `limit` trees, of `totalByteLimit` bytes in all, are kept. A tree that could not be loaded ahead is loaded when it
/// is needed. Thread-safe; `state` is a leaf lock.
final class TreesAhead: Sendable {
  /// Trees that were loaded with one request, by their ids.
  private typealias Group = Task<[BlobID: [UInt8]], Never>

  private struct State {
    var groups: [BlobID: Group] = [:]
    /// The ids of `groups` and how many bytes each tree has, the oldest first.
    var order: [(id: BlobID, byteCount: Int)] = []
    var byteCount = 0
  }

  private static let directoryLimit = 16
  private static let byteLimit = 64 << 10
  private static let limit = 64
  private static let totalByteLimit = 1 << 20

  private let state = Locked(State())

  /// The plaintext of a tree that was loaded ahead; nil if it was not, or could not be loaded.
  func bytes(of id: BlobID) async -> [UInt8]? {
    await state.withLock { $0.groups[id] }?.value[id]
  }

  /// Begins to load the directories in `tree`, `depth` levels deep.
  func begin(_ tree: Tree, depth: Int, in repository: Repository) {
    let directories = Set(tree.nodes.compactMap(\.subtree))
    if depth > 0, directories.count <= Self.directoryLimit { begin(directories, depth: depth, in: repository) }
  }

  /// Begins to load as many of `trees` as are kept, and their directories, `depth` levels in all.
  func begin(_ trees: Set<BlobID>, depth: Int, in repository: Repository) {
    // Unknown ids would make the index be loaded again.
    let known = trees.prefix(Self.limit).compactMap { id in
      repository.blobByteCount(id, type: .tree).map { (id: id, byteCount: $0) }
    }
    state.withLock { state in
      let new = known.filter { $0.byteCount <= Self.byteLimit && state.groups[$0.id] == nil }
      guard !new.isEmpty else { return }
      let group = Group { [weak self, weak repository] in
        guard let repository else { return [:] }
        let loaded = await Self.load(new.map(\.id), from: repository)
        for bytes in loaded.values {
          // A damaged tree is reported when it is needed.
          if let inner = try? Tree.decode(bytes) { self?.begin(inner, depth: depth - 1, in: repository) }
        }
        return loaded
      }
      for tree in new {
        state.groups[tree.id] = group
        state.byteCount += tree.byteCount
      }
      state.order += new
      while state.order.count > Self.limit || state.byteCount > Self.totalByteLimit {
        let oldest = state.order.removeFirst()
        state.byteCount -= oldest.byteCount
        state.groups[oldest.id] = nil
      }
    }
  }

  private static func load(_ ids: [BlobID], from repository: Repository) async -> [BlobID: [UInt8]] {
    let loaded = Locked<[BlobID: [UInt8]]>([:])
    do throws(RepositoryError) {
      try await repository.loadBlobs(ids, type: .tree) { id, bytes in loaded.withLock { $0[id] = bytes } }
    } catch {
      // Code that needs a missing tree loads it, and gets the error.
    }
    return loaded.withLock { $0 }
  }
}
