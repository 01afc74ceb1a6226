import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("The inspection of a repository before git enters it", .timeLimit(.minutes(30)))
struct RepositoryInspectionTests {
  private static func node(_ name: String, _ type: NodeType, subtree: BlobID? = nil) -> Node {
    Node(name: Name(name), type: type, mode: type == .dir ? 1 << 31 | 0o755 : 0o644, subtree: subtree)
  }

  /// A mount for git of a snapshot whose root holds a repository with these nodes in the place of its own, and `refs`.
  private static func mount(
    _ nodes: [Node] = [], rules: ServingRules = .forGit, references: (Uploader) async throws -> [Node] = { _ in [] }
  ) async throws -> TestMount {
    let backend = MemoryBackend()
    let repository = try await TestMount.makeRepository(on: backend)
    let uploader = repository.makeUploader()
    let empty = try await Self.store([], uploader)
    let refs = try await Self.store(try await references(uploader), uploader)
    var root: [String: Node] = [
      "HEAD": node("HEAD", .file), "config": node("config", .file), "objects": node("objects", .dir, subtree: empty),
      "refs": node("refs", .dir, subtree: refs),
    ]
    for node in nodes { root[node.name.description] = node }
    let id = try await Self.store(Array(root.values), uploader)
    let tree = try await uploader.finish(root: id)
    _ = try await repository.saveSnapshot(
      Snapshot(time: Timestamp(seconds: 1_700_000_000, nanoseconds: 0), tree: id, paths: ["/git"]), of: tree)
    return try await TestMount(TestMount.openRepository(on: backend), rules: rules)
  }

  private static func store(_ nodes: [Node], _ uploader: Uploader) async throws -> BlobID {
    try await uploader.add(Tree(nodes: nodes.sorted { $0.name < $1.name }).encode(), type: .tree)
  }

  private static func refusal(_ mount: TestMount) async throws -> String? {
    try await mount.onThread { mount in
      RepositoryInspection.run(on: mount.fileSystem)
      return mount.fileSystem.refusals.message
    }
  }

  @Test("an ordinary repository is accepted")
  func ordinary() async throws {
    let mount = try await Self.mount { uploader in
      let heads = try await Self.store([Self.node("main", .file), Self.node("config", .file)], uploader)
      return [Self.node("heads", .dir, subtree: heads)]
    }
    #expect(try await Self.refusal(mount) == nil)
  }

  @Test(
    "anything but a regular file or directory is refused, with its path and kind",
    arguments: [NodeType.symlink, .fifo, .socket, .dev, .chardev, .other("irregular")])
  func kinds(_ type: NodeType) async throws {
    for name in ["HEAD", "config", "packed-refs", "refs", "objects", "logs", "commondir", ".git"] {
      let mount = try await Self.mount([Self.node(name, type)])
      let refusal = try await Self.refusal(mount)
      #expect(refusal?.hasPrefix("\(name) is ") == true && refusal?.contains("restic-gitfs mount") == true, "\(name)")
      try await mount.onThread { mount in _ = #expect(throws: Errno.notPermitted) { try mount.inode(name) } }
    }
    let mount = try await Self.mount { uploader in
      let deep = try await Self.store([Self.node("x", type)], uploader)
      return [Self.node("heads", .dir, subtree: try await Self.store([Self.node("d", .dir, subtree: deep)], uploader))]
    }
    #expect(try await Self.refusal(mount)?.hasPrefix("refs/heads/d/x is ") == true)
  }

  @Test("a file in place of a directory, and a directory in place of a file, are refused")
  func places() async throws {
    #expect(try await Self.refusal(Self.mount([Self.node("objects", .file)])) != nil)
    let mount = try await Self.mount { uploader in
      try await [Self.node("x", .dir, subtree: Self.store([], uploader))]
    }
    #expect(try await Self.refusal(mount) == nil)
  }

  /// G5 A tree that shows more than any memory holds, of a few directories stored once, ends in an error at once.
  @Test("refs in 30^12 directories, and in endlessly nested folders, are refused at once")
  func wide() async throws {
    let wide = try await Self.mount { uploader in
      var nodes = [Self.node("x", .file)]
      for _ in 0..<12 {
        let id = try await Self.store(nodes, uploader)
        nodes = (0..<30).map { Self.node("d\($0)", .dir, subtree: id) }
      }
      return nodes
    }
    #expect(try await Self.refusal(wide)?.contains("500000") == true)
    #expect(wide.tree.read { $0.inodes.count } < 10_000)
    let deep = try await Self.mount { uploader in
      var nodes = [Self.node("x", .file)]
      for _ in 0..<2000 { nodes = [Self.node("d", .dir, subtree: try await Self.store(nodes, uploader))] }
      return nodes
    }
    #expect(try await Self.refusal(deep)?.contains("nested too deeply") == true)
  }

  @Test("no more inodes than the rules allow are loaded, wherever they are")
  func room() async throws {
    var rules = ServingRules.forGit
    rules.inodeLimit = 50
    let mount = try await TestMount(TestMount.makeRepository(), rules: rules)
    try await mount.onThread { mount in
      for number in 0..<60 {
        _ = try mount.fileSystem.makeDirectory(Array("d\(number)".utf8), in: 1, mode: 0o755, caller: TestMount.caller)
      }
      #expect(throws: Errno.notPermitted) { try mount.inode("d1") }
      #expect(throws: Errno.notPermitted) { try mount.fileSystem.openDirectory(1, flags: O_RDONLY) }
      #expect(mount.fileSystem.refusals.message?.contains("more than 50 files") == true)
    }
  }

  /// G5 A file with further names has all directories looked through, but not without end.
  @Test("the search for a file's other names keeps the limit as well")
  func furtherNames() async throws {
    var rules = ServingRules.forGit
    rules.inodeLimit = 2000
    var file = Self.node("linked", .file)
    (file.links, file.inode, file.deviceID) = (2, 5, 6)
    let mount = try await Self.mount([file], rules: rules) { uploader in
      var nodes = [Self.node("x", .file)]
      for _ in 0..<12 {
        let id = try await Self.store(nodes, uploader)
        nodes = (0..<30).map { Self.node("d\($0)", .dir, subtree: id) }
      }
      return nodes
    }
    try await mount.onThread { mount in
      _ = #expect(throws: Errno.notPermitted) { try mount.fileSystem.unlink(Array("linked".utf8), in: 1) }
    }
    #expect(mount.fileSystem.refusals.message?.contains("more than 2000 files") == true)
    #expect(mount.tree.read { $0.inodes.count } < 2100)
  }

  @Test("a search ends in a chain of directories that is deeper than any path")
  func deepNames() async throws {
    // A path has 4096 bytes at most, two for each level.
    let depth = 2100
    var file = Self.node("linked", .file)
    (file.links, file.inode, file.deviceID) = (2, 5, 6)
    let mount = try await Self.mount([file]) { uploader in
      var nodes = [Self.node("x", .file)]
      for _ in 0..<depth { nodes = [Self.node("d", .dir, subtree: try await Self.store(nodes, uploader))] }
      return nodes
    }
    try await mount.onThread { mount in
      try mount.fileSystem.unlink(Array("linked".utf8), in: 1)
    }
    #expect(mount.tree.read { $0.inodes.count } > depth)
  }

  /// G5 A repository that was not inspected does not count as accepted.
  @Test("a caller that gives up gets no answer, and no refusal is noted; the next caller gets the full answer")
  func givenUp() async throws {
    let storage = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: storage))
    for name in ["HEAD", "config", "objects/x", "refs/heads/main"] { try await writer.write([], to: name) }
    _ = try await writer.coordinator.commit(.sync)

    let (held, isWaiting, inspector) = (Switch(), Switch(), Inspector())
    let backend = FaultBackend(
      storage,
      pause: { _ in
        if held.isOn { isWaiting.isOn = true }
        // A cancelled call goes on at once.
        try? await waitUntil(.seconds(600)) { !held.isOn }
      }, fault: { _ in nil })
    let mount = try await TestMount(TestMount.openRepository(on: backend), rules: .forGit, committer: inspector)
    inspector.fileSystem.withLock { $0 = mount.fileSystem }
    try await KernelMount.with(mount) { path, _ in
      let ask = [
        "-c", "import os, sys; print(os.getxattr(sys.argv[1], 'user.restic.inspected').decode())", path.string,
      ]
      let folder = try TemporaryDirectory()
      let flag = folder.path.appending("waiting").string
      let script = "python3 \"$@\" & child=$!; until test -e '\(flag)'; do sleep 0.01; done; kill $child; wait $child"
      held.isOn = true
      async let given = ProcessRunner().run("/bin/sh", ["-c", script, "sh"] + ask)
      try await waitUntil { isWaiting.isOn }
      close(open(flag, O_CREAT | O_WRONLY, 0o600))
      #expect(try await given.status == .exited(128 + SIGTERM))
      try await waitUntil { !inspector.answers.withLock { $0.isEmpty } }
      #expect(inspector.answers.withLock { $0 } == [false])
      #expect(mount.fileSystem.refusals.message == nil)
      held.isOn = false
      #expect(try await ProcessRunner().check("python3", ask).output == "true\n")
      #expect(mount.fileSystem.refusals.message == nil)
    }
  }

  /// Inspects the repository for each caller, as a mount for git does.
  private final class Inspector: FileSystemCommitter {
    let fileSystem = Locked<GitFileSystem?>(nil)
    let answers = Locked<[Bool]>([])

    func commitAndWait() throws(Errno) { throw .notSupported }
    func commitForProgram() throws(Errno) { throw .notSupported }
    func statusAttribute(_ name: Name) -> [UInt8]? {
      guard name == "user.restic.inspected", let fileSystem = fileSystem.withLock({ $0 }) else { return nil }
      let answer = RepositoryInspection.run(on: fileSystem)
      answers.withLock { $0.append(answer) }
      return Array("\(answer)".utf8)
    }
  }

  @Test("no link, fifo, socket or device can be created in a served repository")
  func making() async throws {
    let mount = try await TestMount(TestMount.makeRepository(), rules: .forGit)
    try await mount.onThread { mount in
      #expect(throws: Errno.notPermitted) {
        try mount.fileSystem.makeSymbolicLink([120], in: 1, target: [47], caller: TestMount.caller)
      }
      for type in [S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK] {
        #expect(throws: Errno.notPermitted) {
          try mount.fileSystem.makeNode([120], in: 1, mode: type | 0o644, device: 0, caller: TestMount.caller)
        }
      }
    }
  }
}
