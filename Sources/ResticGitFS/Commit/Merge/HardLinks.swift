import ResticCore

/// The hard-linked files that a merge met, and the repair of those that both sides changed.
///
/// restic identifies the names of one file by device and inode number; names with the same numbers and different
/// contents would be restored with one content. A mount changes every name's node when it links, unlinks or writes such
/// a file, so the merge has met a file that both sides changed in every directory that both changed; only in that case
/// the whole merged tree is searched.
struct HardLinks {
  /// A file with more than one name.
  struct Key: Hashable {
    var deviceID: UInt64
    var inode: UInt64

    /// The numbers of a file.
    init?(_ node: Node) {
      guard node.type == .file, node.inode != 0 else { return nil }
      deviceID = node.deviceID
      inode = node.inode
    }

    /// The numbers of a file that has further names.
    init?(linked node: Node?) {
      guard let node, node.links > 1 else { return nil }
      self.init(node)
    }
  }

  private struct Touched {
    var byTheirs = false
    var byOurs = false
    /// The content before.
    var base: [BlobID]?
  }

  /// A name of a hard-linked file in the merged tree.
  private struct Place {
    var path: [Name]
    var node: Node
  }

  private var touched: [Key: Touched] = [:]

  /// Records which side changed an entry whose file has further names.
  mutating func note(_ nodes: ThreeWay<Node?>) {
    guard nodes.theirs != nodes.base || nodes.ours != nodes.base else { return }
    for key in Set([Key(linked: nodes.base), Key(linked: nodes.theirs), Key(linked: nodes.ours)].compactMap { $0 }) {
      if nodes.theirs != nodes.base { touched[key, default: Touched()].byTheirs = true }
      if nodes.ours != nodes.base { touched[key, default: Touched()].byOurs = true }
      if let base = nodes.base, key == Key(base) { touched[key]?.base = base.content }
    }
  }

  /// Records that a name which one side deleted is kept, so that the link counts of both sides are wrong.
  mutating func noteRevival(_ node: Node) {
    guard let key = Key(linked: node) else { return }
    touched[key, default: Touched()].byTheirs = true
    touched[key]?.byOurs = true
  }

  /// The tree `root` after making names with the same numbers equal in content and count.
  ///
  /// Names that still have the old content get the new one. Two new contents become two files, the second with a new
  /// number.
  func separate(in root: BlobID, _ context: MergeContext) async throws -> BlobID {
    let suspects = Set(touched.filter { $0.value.byTheirs && $0.value.byOurs }.keys)
    guard !suspects.isEmpty else { return root }
    var places: [Key: [Place]] = [:]
    try await collect(suspects, in: root, at: [], context, into: &places)
    var edits: [Place] = []
    for (key, places) in places { edits += repaired(places, of: key) }
    return try await Self.apply(edits[...], to: root, depth: 0, context)
  }

  private func collect(
    _ suspects: Set<Key>, in id: BlobID, at path: [Name], _ context: MergeContext, into places: inout [Key: [Place]]
  ) async throws {
    for node in try await context.nodes(of: id) {
      if let subtree = node.subtree {
        try await collect(suspects, in: subtree, at: path + [node.name], context, into: &places)
      } else if let key = Key(node), suspects.contains(key) {
        places[key, default: []].append(Place(path: path + [node.name], node: node))
      }
    }
  }

  /// The names of one file that have to change.
  private func repaired(_ places: [Place], of key: Key) -> [Place] {
    var groups: [(content: [BlobID], places: [Place])] = []
    for place in places {
      if let index = groups.firstIndex(where: { $0.content == place.node.content }) {
        groups[index].places.append(place)
      } else {
        groups.append((place.node.content, [place]))
      }
    }
    if let base = touched[key]?.base, groups.count > 1, let old = groups.firstIndex(where: { $0.content == base }) {
      let followers = groups.remove(at: old).places
      if let first = groups.indices.max(by: { (groups[$0].places.count, $1) < (groups[$1].places.count, $0) }) {
        groups[first].places += followers
      }
    }
    var edits: [Place] = []
    for (number, group) in groups.enumerated() {
      let inode = number == 0 ? key.inode : Self.inode(of: key, content: group.content)
      guard var newest = group.places.first(where: { $0.node.content == group.content })?.node else { continue }
      for place in group.places where place.node.content == group.content && newest.mtime < place.node.mtime {
        newest = place.node
      }
      newest.inode = inode
      newest.links = UInt64(group.places.count)
      for place in group.places {
        var edit = Place(path: place.path, node: newest)
        edit.node.name = place.node.name
        if edit.node != place.node { edits.append(edit) }
      }
    }
    return edits
  }

  /// A number that no other file of the device is likely to have.
  private static func inode(of key: Key, content: [BlobID]) -> UInt64 {
    var bytes = withUnsafeBytes(of: (key.deviceID.bigEndian, key.inode.bigEndian)) { Array($0) }
    for id in content { bytes += id.bytes }
    return SHA256.id(of: bytes, as: BlobID.self).prefix >> 1 | 1
  }

  /// The tree with the nodes at these existing paths replaced.
  private static func apply(
    _ edits: ArraySlice<Place>, to id: BlobID, depth: Int, _ context: MergeContext
  ) async throws -> BlobID {
    if edits.isEmpty { return id }
    var nodes = try await context.nodes(of: id)
    let byName = Dictionary(grouping: edits) { $0.path[depth] }
    for index in nodes.indices {
      guard let edits = byName[nodes[index].name] else { continue }
      if let edit = edits.first(where: { $0.path.count == depth + 1 }) {
        nodes[index] = edit.node
      } else if let subtree = nodes[index].subtree {
        nodes[index].subtree = try await apply(edits[...], to: subtree, depth: depth + 1, context)
      }
    }
    return try await context.store(nodes)
  }
}
