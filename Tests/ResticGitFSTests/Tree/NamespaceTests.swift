import ResticCore
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("Namespace")
struct NamespaceTests {
  private static let root = Namespace.root
  private static let now = Timestamp(seconds: 1_000, nanoseconds: 5)

  private static func file() -> NewInode { NewInode(type: .file, permissions: 0o644) }
  private static func directory() -> NewInode { NewInode(type: .dir, permissions: 0o755) }

  @Test("create refuses an existing name, a name that is too long and a removed directory")
  func create() throws {
    var namespace = Namespace.empty()
    let directory = try namespace.apply(.create(Self.directory(), as: "d", in: Self.root), at: Self.now)
    #expect(throws: NamespaceError.refused(.fileExists)) {
      _ = try namespace.apply(.create(Self.file(), as: "d", in: Self.root), at: Self.now)
    }
    #expect(throws: NamespaceError.refused(.fileNameTooLong)) {
      _ = try namespace.apply(
        .create(Self.file(), as: Name([UInt8](repeating: 120, count: 256)), in: Self.root), at: Self.now)
    }
    try namespace.countLookup(of: directory)
    _ = try namespace.apply(.removeDirectory("d", in: Self.root), at: Self.now)
    #expect(throws: NamespaceError.refused(.noSuchFileOrDirectory)) {
      _ = try namespace.apply(.create(Self.file(), as: "f", in: directory), at: Self.now)
    }
  }

  @Test("an unlinked file stays while it is open or looked up, and no longer")
  func unlinkedButOpen() throws {
    var namespace = Namespace.empty()
    let file = try namespace.apply(.create(Self.file(), as: "f", in: Self.root), at: Self.now)
    try namespace.open(file, forWriting: false)
    try namespace.countLookup(of: file)
    _ = try namespace.apply(.unlink("f", in: Self.root), at: Self.now)
    #expect(try namespace.inode(file).linkCount == 0)
    namespace.release(file, forWriting: false)
    #expect(namespace.inodes[file] != nil)
    namespace.forget(file, count: 1)
    #expect(namespace.inodes[file] == nil)
    #expect(namespace.bufferedByteCount == 0)
  }

  @Test("link counts are right after every link and unlink")
  func hardLinks() throws {
    var namespace = Namespace.empty()
    let directory = try namespace.apply(.create(Self.directory(), as: "d", in: Self.root), at: Self.now)
    let file = try namespace.apply(.create(Self.file(), as: "a", in: Self.root), at: Self.now)
    _ = try namespace.apply(.link(file, as: "b", in: Self.root), at: Self.now)
    _ = try namespace.apply(.link(file, as: "c", in: directory), at: Self.now)
    #expect(try namespace.inode(file).linkCount == 3)
    _ = try namespace.apply(.unlink("a", in: Self.root), at: Self.now)
    _ = try namespace.apply(.unlink("b", in: Self.root), at: Self.now)
    #expect(try namespace.inode(file).linkCount == 1)
    #expect(try namespace.inode(file).parent == directory)
    #expect(throws: NamespaceError.refused(.notPermitted)) {
      _ = try namespace.apply(.link(directory, as: "e", in: Self.root), at: Self.now)
    }
  }

  @Test("rename replaces, refuses and exchanges as renameat2 does")
  func rename() throws {
    var namespace = Namespace.empty()
    let a = try namespace.apply(.create(Self.file(), as: "a", in: Self.root), at: Self.now)
    let b = try namespace.apply(.create(Self.file(), as: "b", in: Self.root), at: Self.now)
    let full = try namespace.apply(.create(Self.directory(), as: "full", in: Self.root), at: Self.now)
    let inner = try namespace.apply(.create(Self.directory(), as: "inner", in: full), at: Self.now)
    _ = try namespace.apply(.create(Self.directory(), as: "empty", in: Self.root), at: Self.now)

    #expect(throws: NamespaceError.refused(.fileExists)) {
      _ = try namespace.apply(.rename("a", in: Self.root, to: "b", newDirectory: Self.root, .refuse), at: Self.now)
    }
    _ = try namespace.apply(.rename("a", in: Self.root, to: "b", newDirectory: Self.root, .exchange), at: Self.now)
    #expect(try namespace.child("a", of: Self.root) == b)
    #expect(try namespace.child("b", of: Self.root) == a)
    _ = try namespace.apply(.rename("a", in: Self.root, to: "b", newDirectory: Self.root, .replace), at: Self.now)
    #expect(try namespace.child("b", of: Self.root) == b)
    #expect(namespace.inodes[a] == nil)
    #expect(throws: NamespaceError.refused(.directoryNotEmpty)) {
      _ = try namespace.apply(
        .rename("empty", in: Self.root, to: "full", newDirectory: Self.root, .replace), at: Self.now)
    }
    #expect(throws: NamespaceError.refused(.notDirectory)) {
      _ = try namespace.apply(.rename("empty", in: Self.root, to: "b", newDirectory: Self.root, .replace), at: Self.now)
    }
    #expect(throws: NamespaceError.refused(.isDirectory)) {
      _ = try namespace.apply(.rename("b", in: Self.root, to: "empty", newDirectory: Self.root, .replace), at: Self.now)
    }
    #expect(throws: NamespaceError.refused(.invalidArgument)) {
      _ = try namespace.apply(.rename("full", in: Self.root, to: "x", newDirectory: inner, .replace), at: Self.now)
    }
    #expect(throws: NamespaceError.refused(.invalidArgument)) {
      _ = try namespace.apply(.rename("inner", in: full, to: "full", newDirectory: Self.root, .exchange), at: Self.now)
    }
    _ = try namespace.apply(
      .rename("full", in: Self.root, to: "empty", newDirectory: Self.root, .replace), at: Self.now)
    #expect(try namespace.child("inner", of: try namespace.child("empty", of: Self.root)) == inner)
  }

  @Test("renaming one name of a file to another name of the same file does nothing")
  func renameOntoItself() throws {
    var namespace = Namespace.empty()
    let file = try namespace.apply(.create(Self.file(), as: "a", in: Self.root), at: Self.now)
    _ = try namespace.apply(.link(file, as: "b", in: Self.root), at: Self.now)
    _ = try namespace.apply(.rename("a", in: Self.root, to: "b", newDirectory: Self.root, .replace), at: Self.now)
    #expect(try namespace.children(of: Self.root).count == 2)
  }

  @Test("a change first requests the directories that are not loaded")
  func needs() throws {
    let subtree = SHA256.id(of: [1], as: BlobID.self)
    let tree = Tree(nodes: [Node(name: "d", type: .dir, mode: 1 << 31 | 0o755, subtree: subtree)])
    var namespace = Namespace(root: Self.directory().node, tree: tree, deviceID: 1, rules: GitNameRules())
    let directory = try namespace.child("d", of: Self.root)
    #expect(throws: NamespaceError.needs(.entries(of: directory))) {
      _ = try namespace.apply(.create(Self.file(), as: "f", in: directory), at: Self.now)
    }
    #expect(!namespace.isChanged)
    namespace.install(Tree(nodes: []), in: directory)
    _ = try namespace.apply(.create(Self.file(), as: "f", in: directory), at: Self.now)
    #expect(namespace.isChanged)
  }

  @Test("stored hard links are one inode, and a change first requests all their names")
  func storedHardLinks() throws {
    let blob = SHA256.id(of: [1], as: BlobID.self)
    func node(_ name: Name) -> Node {
      Node(name: name, type: .file, mode: 0o644, inode: 9, deviceID: 5, size: 1, links: 3, content: [blob])
    }
    let subtree = SHA256.id(of: [2], as: BlobID.self)
    let tree = Tree(nodes: [node("a"), node("b"), Node(name: "d", type: .dir, mode: 1 << 31, subtree: subtree)])
    var namespace = Namespace(root: Self.directory().node, tree: tree, deviceID: 1, rules: GitNameRules())
    let file = try namespace.child("a", of: Self.root)
    #expect(try namespace.child("b", of: Self.root) == file)
    #expect(throws: NamespaceError.needs(.names(of: file))) {
      _ = try namespace.apply(.setAttributes(AttributeChanges(byteCount: 0), of: file), at: Self.now)
    }
    namespace.install(Tree(nodes: [node("c")]), in: try namespace.child("d", of: Self.root))
    _ = try namespace.apply(.setAttributes(AttributeChanges(byteCount: 0), of: file), at: Self.now)
    let frozen = namespace.freeze()
    #expect(frozen.changedFileCount == 3, "all three names have the new content")
  }

  @Test("an unchanged node is frozen as it was read")
  func untouchedNodes() throws {
    let text = """
      {"nodes":[{"name":"f","type":"file","mode":420,"mtime":"2020-01-02T03:04:05.6+02:00","atime":"2020-01-02T03:04:05Z",\
      "ctime":"2020-01-02T03:04:05Z","uid":1,"gid":2,"user":"u","future":{"x":[1,2]},"inode":3,"content":[]}]}\n
      """
    let tree = try Tree.decode(Array(text.utf8))
    var namespace = Namespace(root: Self.directory().node, tree: tree, deviceID: 1, rules: GitNameRules())
    _ = try namespace.apply(.create(Self.file(), as: "g", in: Self.root), at: Self.now)
    let nodes = namespace.freeze().root.entries.compactMap { entry -> Node? in
      if case .stored(let node, _) = entry { node } else { nil }
    }
    #expect(Tree(nodes: nodes).encode() == tree.encode())
    #expect(String(decoding: Tree(nodes: nodes).encode(), as: UTF8.self).contains("\"future\":{\"x\":[1,2]}"))
  }

  // M1 What a commit holds counts until it has ended.
  @Test("bytes of a frozen tree count, whatever happens to the file meanwhile")
  func frozenBytes() throws {
    var namespace = Namespace.empty()
    let first = try namespace.apply(.create(Self.file(), as: "first", in: Self.root), at: Self.now)
    let second = try namespace.apply(.create(Self.file(), as: "second", in: Self.root), at: Self.now)
    for file in [first, second] { try Self.write(100_000, to: file, at: 0, in: &namespace) }
    let before = namespace.bufferedCost
    let frozen = namespace.freezeForCommit()
    #expect(namespace.bufferedCost == before)
    try Self.write(100_000, to: first, at: 0, in: &namespace)
    #expect(namespace.bufferedCost == before + 100_000)
    // Again: the bytes that are overwritten now were written after the tree was frozen.
    try Self.write(100_000, to: first, at: 0, in: &namespace)
    #expect(namespace.bufferedCost == before + 100_000)
    _ = try namespace.apply(.setAttributes(AttributeChanges(byteCount: 40_000), of: second), at: Self.now)
    #expect(namespace.bufferedCost == before + 100_000)
    try Self.write(1000, to: second, at: 40_000, in: &namespace)
    #expect(namespace.bufferedCost == before + 101_000)
    namespace.thaw()
    #expect(namespace.bufferedCost == before - 59_000)
    withExtendedLifetime(frozen) {}
  }

  private static func write(
    _ byteCount: Int, to file: InodeNumber, at offset: UInt64, in namespace: inout Namespace
  ) throws {
    _ = try namespace.apply(.write(.count(byteCount), to: file, offset: offset), at: now)
  }
}
