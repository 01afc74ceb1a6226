/// The entries of one directory, as stored in a tree blob.
public struct Tree: Hashable, Sendable {
  /// The entries. After decoding, they are sorted by name and have different names; `encode` sorts them itself.
  public var nodes: [Node]

  /// A tree of these nodes in any order; names must differ, which `encode` checks.
  public init(nodes: [Node] = []) {
    self.nodes = nodes
  }

  /// The blob's plaintext, byte for byte what restic writes: `{"nodes":[…]}` and a newline, nodes sorted by the bytes
  /// of their names.
  ///
  /// Two nodes of one name, or a name that is not a path component, are a mistake of the caller: restic refuses such a
  /// tree, so it must never be saved.
  public func encode() -> [UInt8] {
    var writer = GoJSON.Writer(capacity: 64 + nodes.count * 512)
    writer.literal("{\"nodes\":[")
    let sorted = isSorted ? nodes : nodes.sorted { $0.name < $1.name }
    for (index, node) in sorted.enumerated() {
      precondition(node.name.isPathComponent, "a node needs the name of a file")
      if index > 0 {
        precondition(sorted[index - 1].name < node.name, "two nodes of one tree have the same name")
        writer.literal(",")
      }
      node.write(to: &writer)
    }
    writer.literal("]}\n")
    return writer.finish()
  }

  /// The tree whose plaintext is `bytes`.
  ///
  /// Refuses names that are empty, `.` or `..`, or that contain `/` or NUL, and two nodes of one name. Accepts unsorted
  /// nodes, and sorts them. Unknown members of the tree are ignored; those of a node are kept. `"nodes":null` is an
  /// empty tree.
  public static func decode(_ bytes: [UInt8]) throws(FormatError) -> Tree {
    try GoJSON.read(bytes, "tree") { reader throws(FormatError) in
      var nodes: [Node]?
      var object = try reader.beginObject()
      while let key = try reader.nextKey(&object) {
        if key == "nodes" {
          nodes = try decodeNodes(&reader)
        } else {
          try reader.skipValue()
        }
      }
      guard let nodes else { throw FormatError("tree: has no nodes") }
      return try Tree(nodes: nodes).checked()
    }
  }

  private static func decodeNodes(_ reader: inout GoJSON.Reader) throws(FormatError) -> [Node] {
    if try reader.skipNull() { return [] }
    var nodes: [Node] = []
    var decoder = Node.Decoder()
    var array = try reader.beginArray()
    while try reader.nextElement(&array) { nodes.append(try decoder.node(&reader)) }
    return trimmed(nodes)
  }

  /// `nodes` in a buffer without the spare capacity that appending leaves: trees are kept for as long as a mount lasts.
  private static func trimmed(_ nodes: [Node]) -> [Node] {
    guard nodes.capacity - nodes.count > nodes.count / 8 else { return nodes }
    return [Node](unsafeUninitializedCapacity: nodes.count) { buffer, count in
      count = buffer.initialize(fromContentsOf: nodes)
    }
  }

  private var isSorted: Bool {
    var index = 1
    while index < nodes.count {
      if nodes[index].name < nodes[index - 1].name { return false }
      index += 1
    }
    return true
  }

  /// The tree sorted. Throws an error that names the first duplicate name.
  private func checked() throws(FormatError) -> Tree {
    var tree = self
    if !isSorted { tree.nodes.sort { $0.name < $1.name } }
    var index = 1
    while index < tree.nodes.count {
      if tree.nodes[index].name == tree.nodes[index - 1].name {
        throw FormatError("tree: two nodes are named \"\(tree.nodes[index].name.excerpt)\"")
      }
      index += 1
    }
    return tree
  }
}
