import Glibc
import ResticCore

/// The bare git repository that a mount starts with where there is no snapshot yet: what `git init --bare` makes, less
/// its sample hooks.
struct BareRepositoryTemplate: Sendable {
  /// What names git's objects.
  enum ObjectFormat: String, Hashable, Sendable, CaseIterable {
    case sha1, sha256
  }

  /// The branch that `HEAD` names until another one is pushed first (`UnbornHead`).
  var defaultBranch: String
  /// What names the objects.
  var objectFormat = ObjectFormat.sha1

  private var files: [(path: [Name], content: String)] {
    [
      (["HEAD"], "ref: refs/heads/\(defaultBranch)\n"),
      (["config"], config),
      (["description"], "Unnamed repository; edit this file 'description' to name the repository.\n"),
    ]
  }

  private static let directories: [[Name]] = [
    ["hooks"], ["info"], ["objects"], ["objects", "info"], ["objects", "pack"], ["refs"], ["refs", "heads"],
    ["refs", "tags"],
  ]

  /// `unpackLimit`: a push stays one git packfile, which is stored as a few large blobs and not as one for each object.
  private var config: String {
    let isSHA1 = objectFormat == .sha1
    return """
      [core]
      \trepositoryformatversion = \(isSHA1 ? 0 : 1)
      \tfilemode = true
      \tbare = true
      \(isSHA1 ? "" : "[extensions]\n\tobjectformat = \(objectFormat.rawValue)\n")[receive]
      \tunpackLimit = 1

      """
  }

  /// Makes the repository at the root of an empty namespace. `owner` holds the owner of the nodes. All get the same time.
  func install(in namespace: inout Namespace, owner: Node, at now: Timestamp) throws(NamespaceError) {
    for path in Self.directories {
      _ = try create(path, type: .dir, mode: S_IFDIR | 0o755, in: &namespace, owner: owner, at: now)
    }
    for (path, content) in files {
      let file = try create(path, type: .file, mode: S_IFREG | 0o644, in: &namespace, owner: owner, at: now)
      let bytes = WriteBuffer(copying: content)
      try namespace.modify(file, at: now) { $0.write(bytes, at: 0) }
    }
  }

  private func create(
    _ path: [Name], type: NodeType, mode: UInt32, in namespace: inout Namespace, owner: Node, at now: Timestamp
  ) throws(NamespaceError) -> InodeNumber {
    var directory = Namespace.root
    for name in path.dropLast() { directory = try namespace.child(name, of: directory) }
    var node = owner
    node.type = type
    node.mode = FileMode.stored(mode)
    return try namespace.create(node, as: path[path.count - 1], in: directory, at: now)
  }
}

extension WriteBuffer {
  /// A full buffer with the UTF-8 of `text`.
  convenience init(copying text: String) {
    let bytes = Array(text.utf8)
    self.init(capacity: max(bytes.count, 1))
    bytes.withUnsafeBytes { _ = append($0) }
  }
}
