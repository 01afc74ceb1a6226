import ResticCore

@testable import ResticGitFS

/// A tree in writing: paths with `/`, and the entry of each.
struct FileTree: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  /// A file, a link or a directory.
  struct Entry: Hashable, Sendable, ExpressibleByStringLiteral {
    enum Kind: Hashable, Sendable {
      case file([UInt8])
      case link(String)
      case directory
    }

    var kind: Kind
    var modifiedAt: Int64 = 0
    /// Permission bits; nil means the usual ones.
    var mode: UInt32?
    /// Of a file with other names; 0 = it has none.
    var inode: UInt64 = 0
    var links: UInt64 = 0

    static let directory = Entry(.directory)

    init(_ kind: Kind) {
      self.kind = kind
    }

    init(stringLiteral value: String) {
      self.init(.file(Array(value.utf8)))
    }

    /// A file.
    static func file(
      _ text: String, modifiedAt: Int64 = 0, mode: UInt32? = nil, inode: UInt64 = 0, links: UInt64 = 0
    ) -> Entry {
      var entry = Entry(.file(Array(text.utf8)))
      (entry.modifiedAt, entry.mode, entry.inode, entry.links) = (modifiedAt, mode, inode, links)
      return entry
    }

    init(_ kind: Kind, like node: Node) {
      self.kind = kind
      modifiedAt = node.mtime == .zero ? 0 : node.mtime.seconds
      if kind == .directory { return }
      mode = node.type == .file && node.mode != 0o644 ? node.mode : nil
      (inode, links) = (node.inode, node.links)
    }

    /// Gives `node` the members of this entry.
    func apply(to node: inout Node) {
      if modifiedAt != 0 { node.mtime = Timestamp(seconds: modifiedAt, nanoseconds: 0) }
      if let mode { node.mode = node.type == .dir ? 1 << 31 | mode : mode }
      if links > 0 {
        node.deviceID = 7
        node.inode = inode
        node.links = links
      }
    }

    /// The file's content, the link's target, or nothing.
    var text: String {
      switch kind {
      case .file(let bytes): String(decoding: bytes, as: UTF8.self)
      case .link(let target): target
      case .directory: ""
      }
    }
  }

  var entries: [String: Entry]

  init(_ entries: [String: Entry]) {
    self.entries = entries
  }

  init(dictionaryLiteral elements: (String, Entry)...) {
    entries = Dictionary(elements) { $1 }
  }

  subscript(path: String) -> Entry? {
    get { entries[path] }
    set { entries[path] = newValue }
  }

  /// This tree with some entries changed; nil removes an entry.
  func changing(_ changes: [String: Entry?]) -> FileTree {
    var tree = self
    for (path, entry) in changes { tree.entries[path] = entry }
    return tree
  }

  /// These entries in a folder.
  func inside(_ folder: String) -> FileTree {
    FileTree(Dictionary(uniqueKeysWithValues: entries.map { ("\(folder)/\($0.key)", $0.value) }))
  }

  /// The content of the folder.
  func folder(_ folder: String) -> FileTree {
    var tree: FileTree = [:]
    for (path, entry) in entries where path.hasPrefix(folder + "/") {
      tree[String(path.dropFirst(folder.utf8.count + 1))] = entry
    }
    return tree
  }

  /// Both; the other's entries where both have one.
  func merging(_ other: FileTree) -> FileTree {
    FileTree(entries.merging(other.entries) { $1 })
  }

  /// All contents as text, by path.
  var texts: [String: String] { entries.mapValues(\.text) }
}
