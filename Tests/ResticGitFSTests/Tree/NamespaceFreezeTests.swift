import ResticCore
import Testing

@testable import ResticGitFS

@Suite("Changes during a commit belong to the next commit", .timeLimit(.minutes(30)))
struct NamespaceFreezeTests {
  private static let root = Namespace.root
  private static let now = Timestamp(seconds: 1_000, nanoseconds: 5)
  private static let tree = SHA256.id(of: [7], as: BlobID.self)

  private var namespace: Namespace
  private let directory: InodeNumber
  private let file: InodeNumber

  /// A directory with a file that says "old".
  init() throws {
    var namespace = Namespace.empty()
    directory = try namespace.apply(
      .create(NewInode(type: .dir, permissions: 0o755), as: "d", in: Self.root), at: Self.now)
    file = try namespace.apply(.create(NewInode(type: .file, permissions: 0o644), as: "f", in: directory), at: Self.now)
    self.namespace = namespace
    try write("old")
  }

  private mutating func write(_ text: String) throws {
    _ = try namespace.apply(.write(.buffer(WriteBuffer(copying: text)), to: file, offset: 0), at: Self.now)
  }

  /// A commit's notes about `frozen`, with every file as one chunk.
  private static func stored(_ frozen: FrozenTree) -> StoredTree {
    var stored = StoredTree()
    func collect(_ directory: FrozenTree.Directory) {
      stored.directories[directory.inode] = tree
      for entry in directory.entries {
        switch entry {
        case .stored: break
        case .file(let inode, _, let content):
          let id = SHA256.id(of: Array("\(inode) \(content.byteCount)".utf8), as: BlobID.self)
          stored.files[inode] = [StoredChunk(id: id, byteCount: UInt32(content.byteCount), endsAtCut: false)]
        case .directory(let inner): collect(inner)
        }
      }
    }
    collect(frozen.root)
    return stored
  }

  /// Commits, and makes `change` while the commit is under way.
  private mutating func commit(_ change: (inout Self) throws -> Void = { _ in }) throws {
    let frozen = namespace.freeze()
    try change(&self)
    namespace.settle(Self.stored(frozen), of: frozen)
  }

  /// The paths of the files that the next commit stores, and of those that it takes over from this commit.
  private var toStore: [Name] {
    func names(in directory: FrozenTree.Directory) -> [Name] {
      directory.entries.flatMap { entry -> [Name] in
        switch entry {
        case .stored(_, isUntouched: true): []
        case .stored(let node, isUntouched: false), .file(_, let node, _): [node.name]
        case .directory(let inner): [inner.node.name] + names(in: inner)
        }
      }
    }
    return names(in: namespace.freeze().root)
  }

  @Test("without changes nothing is left to commit")
  mutating func quiet() throws {
    try commit()
    #expect(!namespace.isChanged)
    #expect(toStore.isEmpty)
    #expect(namespace.bufferedByteCount == 0)
  }

  @Test("a rewritten file keeps its new bytes in memory, and the next commit stores them")
  mutating func fileWrittenAgain() throws {
    try commit { try $0.write("newer") }
    #expect(namespace.isChanged)
    #expect(toStore == ["d", "f"])
    #expect(namespace.bufferedByteCount(of: file) > 0)
    let content = try #require(namespace.changedContent(of: file)?.content)
    #expect(content.byteCount == 5 && content.extents.contains(where: \.isBuffered))
    try commit()
    #expect(!namespace.isChanged)
  }

  @Test("a new name in a directory that was stored is in the next commit")
  mutating func newName() throws {
    try commit { test in
      let new = NewInode(type: .symlink, permissions: 0o777)
      _ = try test.namespace.apply(.create(new, as: "link", in: test.directory), at: Self.now)
    }
    #expect(namespace.isChanged)
    #expect(toStore == ["d", "link"])
    try commit()
    #expect(!namespace.isChanged)
  }

  @Test("a removed name is not in the next commit, and the directory is stored again")
  mutating func removal() throws {
    try commit { _ = try $0.namespace.apply(.unlink("f", in: $0.directory), at: Self.now) }
    #expect(namespace.isChanged)
    #expect(toStore == ["d"])
  }

  @Test("changed attributes of a file and of a directory are in the next commit", arguments: [true, false])
  mutating func attributes(isDirectory: Bool) throws {
    try commit { test in
      let changed = isDirectory ? test.directory : test.file
      _ = try test.namespace.apply(.setAttributes(AttributeChanges(mode: 0o700), of: changed), at: Self.now)
    }
    #expect(namespace.isChanged)
    #expect(toStore.contains(isDirectory ? "d" : "f"))
  }
}
