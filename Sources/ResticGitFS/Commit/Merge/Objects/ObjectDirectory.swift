import ResticCore

/// The directories `objects` of the three sides of a merge, and their subdirectories that differ.
///
/// Belongs to one task.
final class ObjectDirectory {
  /// The entries of `objects`.
  let nodes: ThreeWay<[Node]>
  private let repository: Repository
  /// The folders that were loaded.
  private var trees: [BlobID: [Node]] = [:]

  /// How many folders are loaded at a time.
  private static let concurrentLoads = 8

  /// Loads the folders of `objects` that differ.
  init(_ ids: ThreeWay<BlobID?>, _ context: MergeContext) async throws {
    nodes = try await context.nodes(of: ids, at: .objects)
    repository = context.repository
    var wanted: Set<BlobID> = []
    for (_, versions) in nodes.entries {
      let subtrees = versions.subtrees
      if subtrees.theirs == subtrees.ours, subtrees.ours == subtrees.base { continue }
      wanted.formUnion([subtrees.base, subtrees.theirs, subtrees.ours].compactMap { $0 })
    }
    try await load(wanted)
  }

  /// The entries of the folder `name` without files in flight; empty for a side without such a folder.
  func folder(_ name: Name) async throws -> ThreeWay<[Node]> {
    let subtrees = nodes[name].subtrees
    try await load(Set([subtrees.base, subtrees.theirs, subtrees.ours].compactMap { $0 }))
    let position = BareRepository.position(of: name, in: .objects)
    return subtrees.map { $0.flatMap { trees[$0] }?.withoutInFlight(at: position) ?? [] }
  }

  /// The names of folders of loose objects that differ between the sides.
  var changedLooseFolders: [Name] {
    nodes.entries.filter { name, versions in
      BareRepository.position(of: name, in: .objects) == .looseObjects
        && versions.subtrees.theirs != versions.subtrees.ours
    }.map(\.name)
  }

  private func load(_ ids: Set<BlobID>) async throws {
    let missing = ids.filter { trees[$0] == nil }
    try await withThrowingTaskGroup(of: (BlobID, [Node]).self) { [repository] group in
      var open = Array(missing)[...]
      func start() {
        guard let id = open.popFirst() else { return }
        group.addTask { (id, try await repository.loadTree(id).nodes) }
      }
      for _ in 0..<Self.concurrentLoads { start() }
      while let (id, nodes) = try await group.next() {
        trees[id] = nodes
        start()
      }
    }
  }
}
