import ResticCore

/// The bare git repository with which a mount begins if there is no snapshot yet: the result of `git init --bare`
/// without its sample hooks.
struct BareRepositoryTemplate: Sendable {
  /// The branch that `HEAD` names until another branch is pushed first (`UnbornHead`).
  var defaultBranch: String
  /// The hash that names objects.
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
  /// `restic.maintenance`: the mount keeps house, so git does not pack everything anew every 50 pushes (`HousekeepingWishes`).
  /// `alternateRefsPrefixes`: a push has new objects in a folder of their own at first, to which the repository is an alternate, and git reads all
  /// refs of it once more for that, though it has read them already. No ref of a repository has such a name.
  /// `writeReverseIndex`: newer versions of git write a third file for each packfile, which makes larger the directory that each
  /// push stores, and which git can do without.
  private var config: String {
    let isSHA1 = objectFormat == .sha1
    return """
      [core]
      \trepositoryformatversion = \(isSHA1 ? 0 : 1)
      \tfilemode = true
      \tbare = true
      \talternateRefsPrefixes = refs/alternates
      \(isSHA1 ? "" : "[extensions]\n\tobjectformat = \(objectFormat.rawValue)\n")[receive]
      \tunpackLimit = 1
      \tautogc = false
      [gc]
      \tauto = 0
      \tautoPackLimit = 0
      [pack]
      \twriteReverseIndex = false
      [maintenance]
      \tauto = false
      [restic]
      \tmaintenance = true

      """
  }

  /// Creates the repository at the root of an empty namespace. All files belong to `owner`, and get the same time.
  func install(in namespace: inout Namespace, owner: NamedOwner, at now: Timestamp) throws(NamespaceError) {
    for path in Self.directories {
      _ = try create(path, NewInode(type: .dir, permissions: 0o755, owner: owner), in: &namespace, at: now)
    }
    for (path, content) in files {
      let file = try create(path, NewInode(type: .file, permissions: 0o644, owner: owner), in: &namespace, at: now)
      _ = try namespace.apply(.write(.buffer(WriteBuffer(copying: content)), to: file, offset: 0), at: now)
    }
  }

  private func create(
    _ path: [Name], _ new: NewInode, in namespace: inout Namespace, at now: Timestamp
  ) throws(NamespaceError) -> InodeNumber {
    var directory = Namespace.root
    for name in path.dropLast() { directory = try namespace.child(name, of: directory) }
    return try namespace.apply(.create(new, as: path[path.count - 1], in: directory), at: now)
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
