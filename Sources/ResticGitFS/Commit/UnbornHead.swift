import Glibc
import ResticCore
import SystemPackage

/// `HEAD` of a repository that this program has created, until it names an existing branch.
///
/// The name of the first pushed branch cannot be known in advance. If `HEAD` names another branch, it is changed to
/// name the pushed one, because a clone would otherwise be empty. This applies to a `HEAD` as `BareRepositoryTemplate`
/// made it: it still has the same time as `description`. A user who sets `HEAD` to a branch that does not exist yet
/// does so on purpose.
struct UnbornHead: Sendable {
  /// The files of the tree whose root is the repository.
  let files: FileReader

  private var tree: WorkingTree { files.tree }

  private static let branches: RefName = "refs/heads/"
  /// Of several branches, these are preferred.
  private static let usualNames: [RefName] = ["refs/heads/main", "refs/heads/master"]

  /// The sizes of a ref's file: an id and a newline.
  private static let idByteCounts: [UInt64] = [41, 65]

  /// The facts that are known without loading anything.
  private struct Found: Sendable {
    var head: InodeNumber
    var node: Node
    var body: Inode.FileBody
    var packedRefs: InodeNumber?
    /// The loose branches, sorted.
    var branches: [RefName]
  }

  /// Makes `HEAD` name a branch if it names none, and returns what the kernel must forget; nil if it stays unchanged.
  /// No other ref changes its value, so nobody has to wait until the kernel has forgotten.
  ///
  /// Called before a commit, which then includes the change. Throws errors of loading `HEAD` or `packed-refs`.
  func adopt(at now: Timestamp) async throws -> [RefreshPlan.Invalidation]? {
    guard let found = tree.read({ Self.find(in: $0) }), !found.branches.isEmpty,
      let head = try await bytes(found.node, found.body),
      case .symbolic(let target) = RefValue(file: head), target.bytes.starts(with: Self.branches.bytes),
      !found.branches.contains(target),
      try await !isPacked(target, found.packedRefs)
    else { return nil }
    let usual = Self.usualNames.first(where: found.branches.contains)
    let branch = usual ?? found.branches[0]
    return replace(found, by: Array("ref: ".utf8) + branch.bytes + [UInt8(ascii: "\n")], at: now)
  }

  private static func find(in namespace: Namespace) -> Found? {
    guard case .directory(.loaded(let root))? = namespace.inodes[Namespace.root]?.body,
      BareRepository.position(.outside, hasEntry: { root[$0] != nil }) == .root,
      let head = root["HEAD"].flatMap({ namespace.inodes[$0] }), case .file(let body) = head.body,
      let description = root["description"].flatMap({ namespace.inodes[$0] }), description.node.type == .file,
      head.node.mtime == description.node.mtime, head.node.ctime == description.node.ctime,
      let refs = root["refs"], case .directory(.loaded(let folders))? = namespace.inodes[refs]?.body,
      let heads = folders["heads"], let number = root["HEAD"]
    else { return nil }
    var branches: [RefName] = []
    collect(heads, at: Self.branches.bytes, namespace, into: &branches)
    return Found(
      head: number, node: head.node, body: body, packedRefs: root["packed-refs"], branches: branches.sorted())
  }

  private static func collect(
    _ folder: InodeNumber, at path: [UInt8], _ namespace: Namespace, into branches: inout [RefName]
  ) {
    // A folder that is not loaded has nothing new.
    guard case .directory(.loaded(let children))? = namespace.inodes[folder]?.body else { return }
    for (name, child) in children where !BareRepository.mayBeLock(name) {
      guard let inode = namespace.inodes[child] else { continue }
      if inode.isDirectory {
        collect(child, at: path + name.bytes + [UInt8(ascii: "/")], namespace, into: &branches)
      } else if case .file(let body) = inode.body, idByteCounts.contains(byteCount(inode.node, body)), isComponent(name)
      {
        branches.append(RefName(path + name.bytes))
      }
    }
  }

  /// Whether git accepts `name` as the last component of a branch's name.
  /// Source: git-check-ref-format(1).
  private static func isComponent(_ name: Name) -> Bool {
    let forbidden = Set(" ~^:?*[\\".utf8)
    return name.bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F && !forbidden.contains($0) }
      && name.bytes.first != UInt8(ascii: ".") && name.bytes.last != UInt8(ascii: ".")
      && !zip(name.bytes, name.bytes.dropFirst()).contains { $0 == (UInt8(ascii: "."), UInt8(ascii: ".")) }
      && !zip(name.bytes, name.bytes.dropFirst()).contains { $0 == (UInt8(ascii: "@"), UInt8(ascii: "{")) }
  }

  private static func byteCount(_ node: Node, _ body: Inode.FileBody) -> UInt64 {
    switch body {
    case .stored, .resolved: node.size
    case .changed(let extents): extents.byteCount
    }
  }

  private func isPacked(_ name: RefName, _ file: InodeNumber?) async throws -> Bool {
    guard let file, let inode = tree.read({ $0.inodes[file] }), case .file(let body) = inode.body else {
      return false
    }
    // An unreadable file may have the branch.
    guard let bytes = try await bytes(inode.node, body), let packed = PackedRefs(bytes) else { return true }
    return packed[name] != nil
  }

  /// The bytes of a file; nil if there are too many.
  private func bytes(_ node: Node, _ body: Inode.FileBody) async throws -> [UInt8]? {
    let extents: ExtentMap =
      switch body {
      case .stored: try await files.repository.extents(of: node)
      case .resolved(let extents), .changed(let extents): extents
      }
    guard extents.byteCount <= UInt64(PackedRefs.byteLimit) else { return nil }
    return Array(try await files.blobs.bytes(of: extents.slices(in: 0..<extents.byteCount)))
  }

  /// Replaces `HEAD` by a new file, as git does: under `HEAD.lock`, which is then renamed. Programs that have the old
  /// one open keep it. Called from a task, so it must not load anything: the root is loaded, and both files have one
  /// name each. Nil if another program was faster, and for a `HEAD` with further names, which this program does not
  /// make.
  private func replace(_ found: Found, by text: [UInt8], at now: Timestamp) -> [RefreshPlan.Invalidation]? {
    let (root, lock): (InodeNumber, Name) = (Namespace.root, "HEAD.lock")
    let node = found.node
    let new = NewInode(
      type: .file, permissions: FileMode.unix(node) & FileMode.permissionMask,
      owner: NamedOwner(id: FileOwner(userID: node.uid, groupID: node.gid), user: node.user, group: node.group))
    let file: InodeNumber
    do {
      file = try tree.perform(.create(new, as: lock, in: root), at: now) { _, number throws(NamespaceError) in number }
    } catch {
      return nil
    }
    do {
      let bytes = text.withUnsafeBytes { WriteBuffer(copying: $0) }
      try tree.perform(.write(.buffer(bytes), to: file, offset: 0), at: now)
      try tree.perform(.rename(lock, in: root, to: "HEAD", newDirectory: root, .replace), at: now) {
        namespace throws(NamespaceError) in
        let head = try namespace.inode(found.head)
        guard try namespace.child("HEAD", of: root) == found.head, head.linkCount == 1,
          head.node.mtime == node.mtime
        else { throw .refused(.fileExists) }
      }
    } catch {
      // Whatever prevents this has removed the lock, or continues without it.
      try? tree.perform(.unlink(lock, in: root), at: now)
      return [.entry(lock, in: root)]
    }
    return [.entry(lock, in: root), .entry("HEAD", in: root), .inode(root)]
  }
}
