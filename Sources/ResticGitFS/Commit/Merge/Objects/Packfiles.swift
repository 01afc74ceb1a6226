import ResticCore

/// The git packfiles of one side of a merge: what `objects/pack` holds, by packfile.
struct Packfiles: Sendable {
  /// A packfile that git sees: one with an index. One without was caught while git put it in place, or took it away.
  struct Packfile: Sendable {
    var pack: Node
    var index: Node
    /// What says that somebody holds on to it (`.keep`).
    var lock: Node?
    /// Whether objects that its objects name may be missing here (`.promisor`, in a partial clone).
    var isPromisor: Bool
  }

  /// By what their files are called: `pack-ID`.
  let whole: [Name: Packfile]

  /// Those among the entries of `objects/pack`.
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
