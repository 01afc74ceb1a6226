import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

// K1 restic and this program have one cache.
@Suite("restic's cache", .timeLimit(.minutes(30)))
struct CacheInteropTests {
  private let directory: TemporaryDirectory
  private var cache: FilePath { directory.path.appending("cache") }

  init() throws { directory = try TemporaryDirectory() }

  /// A repository that restic has made and backed something up to, on a server whose requests are counted.
  private func withServer(
    _ body: (_ restic: (String...) async throws -> String, _ proxy: FaultProxy, _ location: String) async throws -> Void
  ) async throws {
    let server = try await RcloneServer(folder: directory.path.appending("served"))
    let port = try #require(URL(string: server.url)?.port)
    let proxy = try FaultProxy(upstream: UInt16(port))
    let location = "rest:\(proxy.url)vault/"
    let runner = ProcessRunner(
      environment: [
        "RESTIC_PASSWORD": Restic.passwordText, "RESTIC_REPOSITORY": location, "RESTIC_CACHE_DIR": cache.string,
        "RESTIC_PASSWORD_FILE": nil, "RESTIC_PASSWORD_COMMAND": nil, "LC_ALL": "C.UTF-8",
      ], timeout: .seconds(300))
    let source = directory.path.appending("source")
    try FileManager.default.createDirectory(atPath: source.appending("d").string, withIntermediateDirectories: true)
    for name in ["a", "d/b"] {
      try Data(name.utf8).write(to: URL(fileURLWithPath: source.pushing(FilePath(name)).string))
    }
    func restic(_ arguments: String...) async throws -> String { try await runner.check("restic", arguments).output }
    _ = try await restic("init", "--quiet")
    _ = try await restic("backup", "--quiet", source.string)
    try await body(restic, proxy, location)
    proxy.stop()
    try await server.stop()
  }

  private func open(_ proxy: FaultProxy) async throws -> Repository {
    var settings = Restic.settings()
    settings.cache = CachePlace(folder: cache)
    let repository = try await Repository.open(
      on: RESTBackend(try RESTLocation("\(proxy.url)vault/"), options: TransportOptions()),
      password: Restic.password, settings: settings)
    try await repository.loadIndex()
    return repository
  }

  /// How many files of `type` were asked for.
  private func loads(_ proxy: FaultProxy, _ type: String) -> Int {
    proxy.requests.count { $0.method == "GET" && $0.target.hasPrefix("/vault/\(type)/") && !$0.target.hasSuffix("/") }
  }

  /// Every tree of `root`.
  private func readTrees(_ root: BlobID, _ repository: Repository) async throws {
    for node in try await repository.loadTree(root).nodes {
      if let subtree = node.subtree { try await readTrees(subtree, repository) }
    }
  }

  @Test("this program does not load files that restic has cached")
  func resticsIsOurs() async throws {
    try await withServer { restic, proxy, _ in
      proxy.treat { _ in .pass }
      let repository = try await open(proxy)
      let saved = try #require(try await repository.snapshots().first)
      try await readTrees(saved.snapshot.tree, repository)
      for type in ["index", "snapshots", "data"] { #expect(loads(proxy, type) == 0, "\(type)") }
    }
  }

  @Test(
    "restic does not load files that this program has cached; it lists the cache, and checks the repository with it"
  )
  func oursIsRestics() async throws {
    try await withServer { restic, proxy, _ in
      try FileManager.default.removeItem(atPath: cache.string)
      let repository = try await open(proxy)
      let first = try #require(try await repository.snapshots().first)
      try await readTrees(first.snapshot.tree, repository)
      let uploader = repository.makeUploader()
      let blob = try await uploader.add(Array("content".utf8), type: .data)
      var tree = Tree()
      tree.nodes = [Node(name: "file", type: .file, mode: 0o644, size: 7, links: 1, content: [blob])]
      let root = try await uploader.add(tree.encode(), type: .tree)
      let durable = try await uploader.finish(root: root)
      try await repository.save(
        try repository.seal(Snapshot(time: .now(), tree: root, paths: ["/ours"]), of: durable))
      await repository.finishCaching()

      proxy.treat { _ in .pass }
      #expect(try await restic("ls", "latest", "--path", "/ours").contains("/file"))
      #expect(try await restic("ls", first.id.hex).contains("/d/b"))
      for type in ["index", "snapshots", "data"] { #expect(loads(proxy, type) == 0, "\(type)") }
      #expect(try await restic("cache").contains(String(repository.config.id.prefix(10))))
      _ = try await restic("check", "--with-cache", "--read-data")
    }
  }

  @Test(
    "after restic has forgotten and pruned beside a warm cache, everything is read in its new state, and the cache follows"
  )
  func prune() async throws {
    try await withServer { restic, proxy, _ in
      let repository = try await open(proxy)
      let old = try #require(try await repository.snapshots().first)
      try await readTrees(old.snapshot.tree, repository)
      try Data("new".utf8).write(to: URL(fileURLWithPath: directory.path.appending("source").appending("new").string))
      _ = try await restic("backup", "--quiet", "--no-cache", directory.path.appending("source").string)
      _ = try await restic("forget", "--quiet", "--no-cache", "--keep-last", "1", "--prune")

      let snapshots = try await repository.snapshots()
      #expect(snapshots.count == 1 && snapshots[0].id != old.id)
      try await repository.loadIndex()
      try await readTrees(snapshots[0].snapshot.tree, repository)
      await repository.removeStalePacksFromCache()
      let again = try await open(proxy)
      #expect(try await again.snapshots() == snapshots)
      try await readTrees(snapshots[0].snapshot.tree, again)
      for type in ["index", "snapshots"] {
        let cached = FileManager.default.subpaths(
          atPath: cache.appending(repository.config.id).appending(type).string)?.filter { $0.count > 64 }
        let stored = try FileManager.default.contentsOfDirectory(
          atPath: directory.path.appending("served").appending("vault").appending(type).string)
        #expect(Set((cached ?? []).map { String($0.suffix(64)) }).isSubset(of: stored))
      }
      _ = try await restic("check", "--with-cache", "--read-data")
    }
  }
}
