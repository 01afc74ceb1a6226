import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

/// C13 The first branch of a repository that a mount made becomes that of `HEAD`, where `HEAD` names none that exists.
@Suite("HEAD of a new repository")
struct UnbornHeadTests {
  private static let id = Array((String(repeating: "1", count: 40) + "\n").utf8)

  /// A mount that began with a new repository whose `HEAD` names `defaultBranch`.
  private static func newRepository(
    _ backend: MemoryBackend = MemoryBackend(), defaultBranch: String = "main"
  ) async throws -> TestMount {
    let mount = try await TestMount(TestMount.makeRepository(on: backend))
    let owner = NamedOwner(id: TestMount.owner, user: "", group: "")
    mount.tree.bookkeep { namespace in
      do {
        try BareRepositoryTemplate(defaultBranch: defaultBranch).install(in: &namespace, owner: owner, at: .now())
      } catch {
        Issue.record("\(error)")
      }
    }
    return mount
  }

  private static func head(_ mount: TestMount) async throws -> String {
    String(decoding: try await mount.read("HEAD"), as: UTF8.self)
  }

  @Test(
    "the only branch becomes HEAD's branch",
    arguments: [
      (["master"], "master"), (["main"], "main"), (["master", "main"], "main"), (["master", "a"], "master"),
      (["topic/b", "topic/a"], "topic/a"), ([], "main"),
    ] as [([String], String)])
  func named(branches: [String], expected: String) async throws {
    let backend = MemoryBackend()
    let mount = try await Self.newRepository(backend)
    for branch in branches { try await mount.write(Self.id, to: "refs/heads/\(branch)") }
    _ = try await mount.coordinator.commit(.sync)
    #expect(try await Self.head(mount) == "ref: refs/heads/\(expected)\n")
    let other = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await Self.head(other) == "ref: refs/heads/\(expected)\n", "the snapshot has it")
  }

  @Test(
    "a HEAD with other hard links stays unchanged, and so does a HEAD beside names that are no branches")
  func otherNames() async throws {
    let backend = MemoryBackend()
    let first = try await Self.newRepository(backend)
    for name in ["a b", ".a", "a..b", "a~1", "a\nb", "a.", "a@{1"] {
      try await first.write(Self.id, to: "refs/heads/\(name)")
    }
    _ = try await first.coordinator.commit(.sync)
    #expect(try await Self.head(first) == "ref: refs/heads/main\n")
    try await first.write(Self.id, to: "refs/heads/trunk")
    first.tree.bookkeep { namespace in
      guard let number = try? namespace.child("HEAD", of: Namespace.root) else { return }  // then the next lines say so
      namespace.inodes[number]?.node.links = 2
      namespace.inodes[number]?.linkCount = 2
    }
    _ = try await first.coordinator.commit(.sync)
    #expect(try await Self.head(first) == "ref: refs/heads/main\n")
  }

  @Test("a later mount still changes HEAD, until HEAD names a branch")
  func later() async throws {
    let backend = MemoryBackend()
    let first = try await Self.newRepository(backend)
    _ = try await first.coordinator.commit(.sync)
    let second = try await TestMount(TestMount.openRepository(on: backend))
    try await second.write(Self.id, to: "refs/heads/lock.lock")
    try await second.write(Self.id, to: "refs/heads/trunk")
    _ = try await second.coordinator.commit(.sync)
    #expect(try await Self.head(second) == "ref: refs/heads/trunk\n")
    try await second.write(Self.id, to: "refs/heads/main")
    try await second.remove("refs/heads/trunk")
    _ = try await second.coordinator.commit(.sync)
    #expect(try await Self.head(second) == "ref: refs/heads/trunk\n")
  }

  @Test("a branch whose name only looks like HEAD's branch is another branch")
  func otherBytes() async throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    let mount = try await Self.newRepository(defaultBranch: composed)
    try await mount.write(Self.id, to: "refs/heads/\(decomposed)")
    _ = try await mount.coordinator.commit(.sync)
    #expect(Array(try await Self.head(mount).utf8) == Array("ref: refs/heads/\(decomposed)\n".utf8))
  }

  @Test("a branch that is packed exists")
  func packed() async throws {
    let mount = try await Self.newRepository()
    let line = Array("\(String(repeating: "1", count: 40)) refs/heads/main\n".utf8)
    try await mount.write(Array("# pack-refs with: peeled fully-peeled sorted \n".utf8) + line, to: "packed-refs")
    try await mount.write(Self.id, to: "refs/heads/master")
    _ = try await mount.coordinator.commit(.sync)
    #expect(try await Self.head(mount) == "ref: refs/heads/main\n")
  }

  @Test("a HEAD that a person has set is left alone, even if its branch does not exist")
  func deliberate() async throws {
    for text in ["ref: refs/heads/trunk\n", "ref: refs/heads/main\n"] {
      let mount = try await Self.newRepository()
      try await mount.write(Array(text.utf8), to: "HEAD")
      try await mount.write(Self.id, to: "refs/heads/master")
      _ = try await mount.coordinator.commit(.sync)
      #expect(try await Self.head(mount) == text)
    }
  }

  @Test("the HEAD of a repository from elsewhere is left alone")
  func foreign() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    for path in ["description", "HEAD", "objects/x", "refs/heads/master"] {
      try await mount.write(path == "HEAD" ? Array("ref: refs/heads/main\n".utf8) : Self.id, to: path)
    }
    _ = try await mount.coordinator.commit(.sync)
    #expect(try await Self.head(mount) == "ref: refs/heads/main\n")
  }
}
