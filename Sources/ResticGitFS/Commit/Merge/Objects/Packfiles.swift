import ResticCore

/// The git packfiles of one side of a merge: the content of `objects/pack`, by packfile.
struct Packfiles: Sendable {
  /// A packfile that git sees, that is one with an index. Without an index, git was just adding or removing it.
  struct Packfile: Sendable {
    var pack: Node
    var index: Node
    /// The `.keep` file that locks it.
    var lock: Node?
    /// Whether objects that its objects refer to may be missing here (`.promisor`, in a partial clone).
    var isPromisor: Bool
  }

  /// By the stem of their files' names: `pack-ID`.
  let whole: [Name: Packfile]

  /// The packfiles among the entries of `objects/pack`.
  init(_ nodes: [Node]) {
    var files: [Name: [Name: Node]] = [:]
    for node in nodes where node.type == .file {
      let (stem, type) = node.name.packfileParts
      files[stem, default: [:]][type] = node
    }
    whole = files.compactMapValues { files in
      guard let pack = files["pack"], let index = files["idx"] else { return nil }
      return Packfile(pack: pack, index: index, lock: files["keep"], isPromisor: files["promisor"] != nil)
    }
  }
}

extension Name {
  /// `pack-ID` and `idx` of `pack-ID.idx`.
  var packfileParts: (stem: Name, type: Name) {
    guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")) else { return (self, "") }
    return (Name(Array(bytes[..<dot])), Name(Array(bytes[(dot + 1)...])))
  }
}
