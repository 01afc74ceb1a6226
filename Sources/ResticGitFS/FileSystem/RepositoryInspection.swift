import FuseBridge
import ResticCore
import SystemPackage

/// Looks at what git reads of a repository before git is let in: git takes some of what it can't use for
/// missing, and goes on without it.
///
/// Everything that git needs is of the right kind, and `refs` holds no more than git could list. Directories that are
/// stored once and shown at many places are looked at once.
struct RepositoryInspection {
  /// Deeper than any name of a reference can be.
  private static let depthLimit = 1000
  private static let directories: Set<Name> = ["refs", "objects", "logs", "info", "worktrees", "reftable"]
  private static let files: Set<Name> = [
    "HEAD", "config", "config.worktree", "packed-refs", "shallow", "commondir", "gitdir",
  ]
  /// Directories whose entries git reads by their names.
  private static let listed: [[Name]] = [["info"], ["objects", "info"], ["objects", "pack"]]

  private let fileSystem: GitFileSystem
  /// The repository's folder.
  private let root: InodeNumber
  /// How many entries there are beneath stored directories.
  private var counts: [BlobID: Int] = [:]

  /// Looks at all of the repository in `folder`. What is wrong is noted as refused. False where whoever asked gave up before
  /// all was looked at: nothing is known of the rest then.
  @discardableResult
  static func run(on fileSystem: GitFileSystem, at folder: [Name] = []) -> Bool {
    do {
      let mount = RepositoryInspection(fileSystem: fileSystem, root: Namespace.root)
      // A folder that is not there is found missing by whoever asks.
      guard let root = try mount.findServed(folder) else { return true }
      var inspection = RepositoryInspection(fileSystem: fileSystem, root: root)
      try inspection.run()
    } catch .interrupted {
      return false
    } catch {
      // Noted where it was found, but for what can't be read at all.
      fileSystem.refusals.note("the repository cannot be read: \(error)")
    }
    return true
  }

  private init(fileSystem: GitFileSystem, root: InodeNumber) {
    self.fileSystem = fileSystem
    self.root = root
  }

  private mutating func run() throws(Errno) {
    let names = try entries(of: root)
    // Whoever asks finds that out.
    guard BareRepository.isRepository({ names[$0] != nil }) else { return }
    for (name, number) in names {
      if name == ".git" { try require(nil, number, name, in: root) }
      let isDirectory = Self.directories.contains(name)
      guard isDirectory || Self.files.contains(name) else { continue }
      try require(isDirectory ? .dir : .file, number, name, in: root)
      if let entry = try fileSystem.shownConfiguration(name, in: root) {
        fileSystem.forget(entry.inode, count: 1)
      }
    }
    for path in Self.listed { try requireServed(path) }
    guard let references = try find(["refs"]) else { return }
    let count = try count(references, depth: 0)
    guard count <= ServingRules.referenceLimit else {
      fileSystem.refusals.note(
        "refs holds more than \(ServingRules.referenceLimit) files and folders; \(RefusalRecord.wayOut)")
      return
    }
  }

  /// How many entries are beneath a directory, as far as that matters.
  private mutating func count(_ directory: InodeNumber, depth: Int) throws(Errno) -> Int {
    let subtree = try fileSystem.tree.read("inspect") { namespace throws(NamespaceError) in
      let inode = try namespace.inode(directory)
      return inode.changeNumber == 0 ? inode.node.subtree : nil
    }
    if let subtree, let known = counts[subtree] { return known }
    guard depth < Self.depthLimit else {
      fileSystem.refusals.note("refs holds folders nested too deeply; \(RefusalRecord.wayOut)")
      throw .notPermitted
    }
    var count = 0
    for (name, number) in try entries(of: directory) {
      count += 1
      try require(nil, number, name, in: directory)
      if try isDirectory(number) { count += try self.count(number, depth: depth + 1) }
      if count > ServingRules.referenceLimit { count = ServingRules.referenceLimit + 1 }
    }
    if let subtree { counts[subtree] = count }
    return count
  }

  /// Notes and throws where an entry is not served, or is not of `type`.
  private func require(
    _ type: NodeType?, _ number: InodeNumber, _ name: Name, in directory: InodeNumber
  ) throws(Errno) {
    try fileSystem.tree.read("inspect") { [fileSystem] namespace throws(NamespaceError) in
      try fileSystem.requireServed(number, as: name, in: directory, namespace)
      guard let type, try namespace.inode(number).node.type != type else { return }
      let path = namespace.path(of: name, in: directory)
      fileSystem.refusals.note(
        "\(path) is \(type == .dir ? "not a directory" : "not a regular file"); \(RefusalRecord.wayOut)")
      throw .refused(.notPermitted)
    }
  }

  /// Looks at the entries of the directory `path`, if there is one.
  private func requireServed(_ path: [Name]) throws(Errno) {
    guard let directory = try find(path), try isDirectory(directory) else { return }
    for (name, number) in try entries(of: directory) { try require(nil, number, name, in: directory) }
  }

  /// The directory at `path`; nil where there is none. Notes and throws where something on the way is not served.
  private func findServed(_ path: [Name]) throws(Errno) -> InodeNumber? {
    var number = root
    for name in path {
      guard try isDirectory(number), let next = try entries(of: number)[name] else { return nil }
      try require(.dir, next, name, in: number)
      number = next
    }
    return number
  }

  private func find(_ path: [Name]) throws(Errno) -> InodeNumber? {
    var number = root
    for name in path {
      guard try isDirectory(number), let next = try entries(of: number)[name] else { return nil }
      number = next
    }
    return number
  }

  private func entries(of directory: InodeNumber) throws(Errno) -> [Name: InodeNumber] {
    try fileSystem.tree.read("inspect") { namespace throws(NamespaceError) in try namespace.children(of: directory) }
  }

  private func isDirectory(_ number: InodeNumber) throws(Errno) -> Bool {
    try fileSystem.tree.read("inspect") { namespace throws(NamespaceError) in try namespace.inode(number).isDirectory }
  }
}
