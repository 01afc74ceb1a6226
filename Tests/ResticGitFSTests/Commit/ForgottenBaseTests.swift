import FuseBridge
import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

/// R5: a commit never saves a snapshot that lacks something. A clean mount holds no lock (R2), so others may forget and
/// prune what the mount shows.
@Suite("A commit whose base was forgotten and pruned", .timeLimit(.minutes(30)))
struct ForgottenBaseTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// A mount of a snapshot that holds `files`, of which only the root is loaded.
  private static func makeMount(of files: [String: String], on storage: MemoryBackend) async throws -> TestMount {
    let maker = try await TestMount(TestMount.makeRepository(on: storage))
    for (path, content) in files { try await maker.write(text(content), to: path) }
    _ = try await maker.coordinator.commit(.sync)
    return try await TestMount(TestMount.openRepository(on: storage))
  }

  private static func rename(_ old: String, to new: String, of mount: TestMount) async throws {
    let root = Namespace.root
    try await mount.onThread { mount in
      try mount.fileSystem.rename(Array(old.utf8), in: root, to: Array(new.utf8), in: root, mode: .replace)
    }
  }

  private static func expectRefusal(of mount: TestMount) async {
    let error = await #expect(throws: RepositoryError.self) { try await mount.coordinator.commit(.sync) }
    guard case .missingBlob? = error else {
      Issue.record("not the error of a blob that is gone: \(String(describing: error))")
      return
    }
    #expect(mount.coordinator.current.phase == .dirty)
  }

  @Test("a directory of the base that the commit needs is gone: nothing is saved")
  func tree() async throws {
    let storage = MemoryBackend()
    // An empty file: no data blob is missing.
    let mount = try await Self.makeMount(of: ["kept/empty": ""], on: storage)
    storage.forgetAndPruneEverything()
    try await mount.write(Self.text("new"), to: "new")
    await Self.expectRefusal(of: mount)
    #expect(try await storage.list(.snapshot).isEmpty)
  }

  @Test("only the content of a file of the base that the commit needs is gone: nothing is saved")
  func dataBlob() async throws {
    let storage = MemoryBackend()
    let mount = try await Self.makeMount(of: ["kept/file": "content"], on: storage)
    // The directory is loaded, so the commit stores its tree anew.
    _ = try await mount.onThread { try $0.inode("kept/file") }
    storage.forgetAndPruneEverything()
    try await mount.write(Self.text("new"), to: "kept/new")
    await Self.expectRefusal(of: mount)
    #expect(try await storage.list(.snapshot).isEmpty)
  }

  @Test(
    "other clients have saved since, and a directory that this side renamed is gone: nothing is saved",
    arguments: [true, false])
  func merge(isDirectory: Bool) async throws {
    let storage = MemoryBackend()
    let mount = try await Self.makeMount(of: isDirectory ? ["kept/empty": ""] : ["file": "content"], on: storage)
    storage.forgetAndPruneEverything()
    let other = try await TestMount(TestMount.openRepository(on: storage))
    try await other.write(Self.text("theirs"), to: "theirs")
    let theirs = try await other.coordinator.commit(.sync).snapshot
    try await Self.rename(isDirectory ? "kept" : "file", to: "renamed", of: mount)
    await Self.expectRefusal(of: mount)
    #expect(try await mount.repository.snapshots().map(\.id) == [theirs])
  }

  @Test("everything of the base that the commit needs is there: the commit succeeds", arguments: [true, false])
  func whole(othersHaveSaved: Bool) async throws {
    let storage = MemoryBackend()
    let mount = try await Self.makeMount(of: ["kept/file": "content"], on: storage)
    for file in storage.files.keys where file.type == .snapshot { storage[file] = nil }
    if othersHaveSaved {
      let other = try await TestMount(TestMount.openRepository(on: storage))
      try await other.write(Self.text("theirs"), to: "theirs")
      _ = try await other.coordinator.commit(.sync)
    }
    try await mount.write(Self.text("new"), to: "new")
    #expect(try await !mount.coordinator.commit(.sync).isConflict)
    let reader = try await TestMount(TestMount.openRepository(on: storage))
    #expect(try await reader.read("new") == Self.text("new"))
    if !othersHaveSaved { #expect(try await reader.read("kept/file") == Self.text("content")) }
    if othersHaveSaved { #expect(try await reader.read("theirs") == Self.text("theirs")) }
  }
}
