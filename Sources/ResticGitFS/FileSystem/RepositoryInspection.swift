import FuseBridge
import ResticCore
import SystemPackage

/// Examines the parts of a repository that git reads, before git starts: git treats some unusable files as missing, and
/// continues without them.
///
/// Checks that everything git needs is of the right kind, and that `refs` holds no more than git can list. A directory
/// that is stored once and shown in many places is examined once.
struct RepositoryInspection {
  /// Deeper than the name of any ref can be.
  private static let depthLimit = 1000
  private static let directories: Set<Name> = ["refs", "objects", "logs", "info", "worktrees", "reftable"]
  private static let files: Set<Name> = [
    "HEAD", "config", "config.worktree", "packed-refs", "shallow", "commondir", "gitdir",
  ]
  /// Directories whose entries git reads by name.
  private static let listed: [[Name]] = [["info"], ["objects", "info"], ["objects", "pack"]]

  private let fileSystem: GitFileSystem
  /// The repository's folder.
  private let root: InodeNumber
  /// The number of entries beneath stored directories.
  private var counts: [BlobID: Int] = [:]

  /// Examines the repository in `folder`. Faults are recorded as refusals. Returns false if the caller gave up before
  /// the end: nothing is known about the rest then.
  @discardableResult
  static func run(on fileSystem: GitFileSystem, at folder: [Name] = []) -> Bool {
    do {
      let mount = RepositoryInspection(fileSystem: fileSystem, root: Namespace.root)
      // A missing folder is reported when git needs it.
      guard let root = try mount.findServed(folder) else { return true }
      var inspection = RepositoryInspection(fileSystem: fileSystem, root: root)
      try inspection.run()
    } catch .interrupted {
      return false
    } catch {
      // Recorded where it was found, except for unreadable files.
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
    // git finds this out itself.
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

  /// The number of entries beneath a directory, up to the limit.
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

  /// Records a refusal and throws if an entry is not served, or is not of `type`.
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

  /// Examines the entries of the directory `path`, if there is one.
  private func requireServed(_ path: [Name]) throws(Errno) {
    guard let directory = try find(path), try isDirectory(directory) else { return }
    for (name, number) in try entries(of: directory) { try require(nil, number, name, in: directory) }
  }

  /// The directory at `path`; nil if there is none. Records a refusal and throws if something on the way is not served.
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
