import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// F8 Hard links are names of one file: one inode, one content, the right link count after each link and unlink.
@Suite("Hard links")
struct HardLinkTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// A mount in which `paths` are names of one file, freshly mounted: no directory was entered.
  private static func mount(linking paths: [String]) async throws -> TestMount {
    let maker = try await TestMount(TestMount.makeRepository())
    try await maker.write(text("old"), to: paths[0])
    for path in paths.dropFirst() { try await maker.link(paths[0], as: path) }
    _ = try await maker.coordinator.commit(.sync)
    return try await maker.again()
  }

  /// The node of `path` in the newest snapshot.
  private static func node(_ path: String, in repository: Repository) async throws -> Node {
    let newest = try #require(try await repository.latestSnapshot(matching: SnapshotFilter()))
    var tree = try await repository.loadTree(newest.snapshot.tree)
    var node: Node?
    for name in path.split(separator: "/") {
      if let subtree = node?.subtree { tree = try await repository.loadTree(subtree) }
      node = tree.nodes.first { $0.name == Name(String(name)) }
    }
    return try #require(node)
  }

  /// Expects the names to be one file, here and in the newest snapshot.
  private static func expectOne(_ paths: [String], _ content: String, on mount: TestMount) async throws {
    let first = try await mount.status(paths[0])
    for path in paths {
      #expect(try await mount.status(path) == first, "\(path)")
      #expect(try await mount.read(path) == text(content), "\(path)")
    }
    #expect(first.linkCount == UInt32(paths.count))
    var stored: Set<Node> = []
    for path in paths {
      var node = try await node(path, in: mount.repository)
      node.name = "f"
      stored.insert(node)
    }
    #expect(stored.count == 1)
  }

  @Test(
    "names that a refresh changes stay names of one file, whether or not the old file is in use",
    arguments: [["a", "b"], ["d/a", "e/b"], ["a", "d/b", "d/c"]], [false, true])
  func refreshed(_ paths: [String], isHeld: Bool) async throws {
    let writer = try await Self.mount(linking: paths)
    let reader = try await writer.again()
    for path in paths { #expect(try await reader.read(path) == Self.text("old")) }
    if isHeld {
      let file = try await reader.open(paths[0], flags: O_RDONLY)
      try await reader.onThread { mount in
        try mount.tree.bookkeep("test") { namespace throws(NamespaceError) in try namespace.countLookup(of: file.inode)
        }
      }
    }
    try await writer.overwrite(Self.text("new"), at: 0, of: paths[0])
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await reader.coordinator.refresh())
    try await Self.expectOne(paths, "new", on: reader)

    try await writer.changeMode(0o600, of: paths[1])
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await reader.coordinator.refresh())
    try await Self.expectOne(paths, "new", on: reader)
    #expect(try await reader.status(paths[0]).mode & 0o777 == 0o600)

    try await reader.overwrite(Self.text("own"), at: 0, of: paths[1])
    _ = try await reader.coordinator.commit(.sync)
    try await Self.expectOne(paths, "own", on: reader)
    try await Self.expectOne(paths, "own", on: reader.again())
  }

  @Test("a refresh with one more or one fewer name gives the right link count")
  func refreshedCount() async throws {
    let writer = try await Self.mount(linking: ["a", "d/b"])
    let reader = try await writer.again()
    for path in ["a", "d/b"] { #expect(try await reader.status(path).linkCount == 2) }
    try await writer.link("a", as: "e/c")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await reader.coordinator.refresh())
    try await Self.expectOne(["a", "d/b", "e/c"], "old", on: reader)
    try await writer.remove("a")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await reader.coordinator.refresh())
    try await Self.expectOne(["d/b", "e/c"], "old", on: reader)
  }

  @Test(
    "removing or replacing a name changes the link count of names in directories that were never entered",
    arguments: [false, true])
  func neverEntered(isReplaced: Bool) async throws {
    let mount = try await Self.mount(linking: ["d/a", "e/b", "f/c"])
    if isReplaced {
      try await mount.write(Self.text("other"), to: "x")
      try await mount.rename("x", to: "d/a")
    } else {
      try await mount.remove("d/a")
    }
    _ = try await mount.coordinator.commit(.sync)
    try await Self.expectOne(["e/b", "f/c"], "old", on: mount)
    try await Self.expectOne(["e/b", "f/c"], "old", on: mount.again())
  }

  @Test("moving a name updates the change time of the other names")
  func moved() async throws {
    let mount = try await Self.mount(linking: ["d/a", "e/b"])
    try await mount.rename("d/a", to: "d/c")
    _ = try await mount.coordinator.commit(.sync)
    try await Self.expectOne(["d/c", "e/b"], "old", on: mount.again())
  }

  @Test(
    "unlinked files with the same stored numbers get different numbers when one changes",
    arguments: 0..<3)
  func sharedNumbers(_ changed: Int) async throws {
    let names = ["a", "b", "c"]
    let mount = try await Self.damaged(names.map { Self.file(Name($0), inode: 5, links: 2) }, on: MemoryBackend())
    let before = try await Self.inodeNumbers(names, on: mount)
    #expect(Set(before).count == 2)
    try await mount.overwrite(Self.text("new"), at: 0, of: names[changed])
    _ = try await mount.coordinator.commit(.sync)
    for mount in [mount, try await mount.again()] {
      #expect(try await Self.inodeNumbers(names, on: mount) == before)
    }
    var contents: [UInt64: Set<[BlobID]>] = [:]
    for name in names {
      let node = try await Self.node(name, in: mount.repository)
      contents[node.inode, default: []].insert(node.content)
    }
    #expect(contents.values.allSatisfy { $0.count == 1 }, "names that restic would link have one content")
  }

  private static func inodeNumbers(_ paths: [String], on mount: TestMount) async throws -> [UInt64] {
    var numbers: [UInt64] = []
    for path in paths { numbers.append(try await mount.status(path).inodeNumber) }
    return numbers
  }

  /// A snapshot with the files of `nodes`, all with the same content, and a directory `bad` whose tree is missing.
  private static func damaged(_ nodes: [Node], on backend: any Backend) async throws -> TestMount {
    let repository = try await TestMount.makeRepository(on: backend)
    let uploader = repository.makeUploader()
    let content = try await uploader.add(text("old"), type: .data)
    var files = nodes
    for index in files.indices {
      files[index].content = [content]
      files[index].size = 3
    }
    let missing = BlobID(hex: String(repeating: "ab", count: 32))
    let bad = Node(name: "bad", type: .dir, mode: 1 << 31 | 0o755, subtree: missing)
    let root = try await uploader.add(Tree(nodes: files + [bad]).encode(), type: .tree)
    let tree = try await uploader.finish(root: root)
    _ = try await repository.saveSnapshot(
      Snapshot(time: Timestamp(seconds: 1_700_000_000, nanoseconds: 0), tree: root, paths: ["/git"]), of: tree)
    return try await TestMount(TestMount.openRepository(on: backend))
  }

  private static func file(_ name: Name, inode: UInt64, links: UInt64) -> Node {
    Node(name: name, type: .file, mode: 0o644, inode: inode, deviceID: 9, links: links)
  }

  // R4 A directory that can't be read stays in the next snapshot as it was; everything else works.
  @Test("an unreadable directory does not prevent changes of hard-linked files, and stays unchanged")
  func unreadableDirectory() async throws {
    let mount = try await Self.damaged(
      [Self.file("a", inode: 5, links: 2), Self.file("b", inode: 5, links: 2), Self.file("half", inode: 6, links: 2)],
      on: MemoryBackend())
    let before = try await Self.node("bad", in: mount.repository)
    let number = try await mount.status("half").inodeNumber
    try await mount.overwrite(Self.text("new"), at: 0, of: "a")
    try await mount.overwrite(Self.text("new"), at: 0, of: "half")
    try await mount.changeMode(0o600, of: "half")
    _ = try await mount.coordinator.commit(.sync)
    try await Self.expectOne(["a", "b"], "new", on: mount.again())
    #expect(try await Self.node("bad", in: mount.repository) == before)
    #expect(try await Self.node("a", in: mount.repository).inode == 5)

    // Its other name may be in the directory that can't be read, and has the old content: it is no name of this file.
    let half = try await Self.node("half", in: mount.repository)
    #expect(half.links == 1)
    #expect((half.inode, half.deviceID) != (6, 9))
    #expect(try await mount.status("half").inodeNumber == number)
    #expect(try await mount.again().status("half").inodeNumber == number)
    await #expect(throws: Errno.ioError) { try await mount.read("bad/x") }
  }

  @Test("while the storage is unreachable, a hard-linked file with possible names elsewhere is not changed")
  func unreachable() async throws {
    let isAway = Switch()
    let storage = MemoryBackend()
    let maker = try await TestMount(TestMount.makeRepository(on: storage))
    try await maker.write(Self.text("old"), to: "a")
    try await maker.link("a", as: "d/b")
    _ = try await maker.coordinator.commit(.sync)
    let backend = FaultBackend(
      storage, fault: { _ in isAway.isOn ? .nothingDone(FaultBackend.death) : nil })
    let mount = try await TestMount(TestMount.openRepository(on: backend))
    isAway.isOn = true
    await #expect(throws: Errno.self) { try await mount.overwrite(Self.text("new"), at: 0, of: "a") }
    isAway.isOn = false
    try await mount.overwrite(Self.text("new"), at: 0, of: "a")
    _ = try await mount.coordinator.commit(.sync)
    try await Self.expectOne(["a", "d/b"], "new", on: mount.again())
  }

  @Test("each directory is searched once, however many files have names elsewhere")
  func linear() async throws {
    let maker = try await TestMount(TestMount.makeRepository())
    for number in 0..<40 { try await maker.write(Self.text("\(number)"), to: "d\(number)/f") }
    _ = try await maker.coordinator.commit(.sync)
    let newest = try #require(try await maker.repository.latestSnapshot(matching: SnapshotFilter()))
    var namespace = Namespace(
      root: Node(name: Name([]), type: .dir, mode: 0),
      tree: Tree(
        nodes: (0..<40).map { Self.file(Name("l\($0)"), inode: $0 + 5, links: 2) }
          + (try await maker.repository.loadTree(newest.snapshot.tree)).nodes),
      deviceID: 1, rules: GitNameRules())
    let files = try (0..<40).map { try namespace.child(Name("l\($0)"), of: Namespace.root) }
    #expect(namespace.unloadedDirectories.count == 40)
    #expect(throws: NamespaceError.needs(.names(of: files[0]))) { try namespace.requireKnownNames(files[0]) }
    for directory in namespace.unloadedDirectories {
      let id = try #require(namespace.unloadedTree(of: directory))
      namespace.install(try await maker.repository.loadTree(id), in: directory)
    }
    for file in files {
      #expect(namespace.unloadedDirectories.isEmpty)
      namespace.settleLinkCount(file)
      try namespace.requireKnownNames(file)
      #expect(try namespace.inode(file).linkCount == 1)
    }
  }
}
