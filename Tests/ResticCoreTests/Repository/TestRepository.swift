import Logging
import ResticTestSupport

@testable import ResticCore

/// Small repositories for tests: a cheap key, small packs, and commits of a handful of files in one folder.
enum TestRepository {
  /// Opens every repository made here.
  static let password = secret("correct horse")

  static func secret(_ text: String) -> SecureBytes {
    Array(text.utf8).withUnsafeBytes { SecureBytes(copying: $0) }
  }

  /// Cheap and quiet.
  static func settings(
    packByteCount: Int = 64 << 10, compression: CompressionMode = .auto, packsInFlight: Int = 3
  ) -> Repository.Settings {
    var settings = Repository.Settings()
    settings.packByteCount = packByteCount
    settings.compression = compression
    settings.packsInFlight = packsInFlight
    settings.scryptCost = .minimum
    settings.identity = ClientIdentity(hostname: "testhost", username: "tester", uid: 1000, gid: 1000, pid: 4711)
    settings.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return settings
  }

  static func create(
    on backend: any Backend = MemoryBackend(), version: Int = 2, settings: Repository.Settings = settings()
  ) async throws -> Repository {
    try await Repository.create(on: backend, version: version, password: password, settings: settings)
  }

  /// The repository with its index loaded.
  static func open(
    _ backend: any Backend, settings: Repository.Settings = settings()
  ) async throws -> Repository {
    let repository = try await Repository.open(on: backend, password: password, settings: settings)
    try await repository.loadIndex()
    return repository
  }

  /// Bytes that do not compress, the same for the same seed.
  static func noise(_ byteCount: Int, seed: UInt64) -> [UInt8] {
    var random = SplitMix64(seed: seed)
    return random.bytes(byteCount)
  }
}

extension Repository {
  /// Saves a snapshot whose one folder holds `files`, each as a single blob; the cache has it then, too. An error, if that does
  /// not end.
  @discardableResult
  func commit(_ files: [Name: [UInt8]], seconds: Int64 = 0) async throws -> SavedSnapshot {
    try await withTimeLimit {
      let uploader = self.makeUploader()
      let root = try await uploader.add(folder: files)
      let tree = try await uploader.finish(root: root)
      let saved = try await self.saveSnapshot(
        Snapshot(time: Timestamp(seconds: 1_700_000_000 + seconds, nanoseconds: 0), tree: root, paths: ["/test"]),
        of: tree)
      await self.finishCaching()
      return saved
    }
  }

  /// The content of the folder of `saved`.
  func files(of saved: SavedSnapshot) async throws -> [Name: [UInt8]] {
    var files: [Name: [UInt8]] = [:]
    for node in try await loadTree(saved.snapshot.tree).nodes {
      var bytes: [UInt8] = []
      for id in node.content { bytes += try await loadBlob(id, type: .data) }
      files[node.name] = bytes
    }
    return files
  }
}

extension Uploader {
  /// Adds a folder of `files`; the id of its tree.
  func add(folder files: [Name: [UInt8]]) async throws -> BlobID {
    var tree = Tree()
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      let content = bytes.isEmpty ? [] : [try await add(bytes, type: .data)]
      tree.nodes.append(
        Node(name: name, type: .file, mode: 0o644, size: UInt64(bytes.count), links: 1, content: content))
    }
    return try await add(tree.encode(), type: .tree)
  }
}
