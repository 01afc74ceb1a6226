import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("The survey of a repository before maintenance", .timeLimit(.minutes(30)))
struct RepositorySurveyTests {
  /// The survey of a repository with these files and links (`-> `) in its folders.
  private static func survey(
    _ paths: [String], age: Int64 = 0, fresh: String? = nil, extent: RepositorySurvey.Extent = .everything
  ) async throws -> RepositorySurvey.Findings {
    let mount = try await TestMount(TestMount.makeRepository())
    return try await mount.onThread { mount in
      let owner = NamedOwner(id: FileOwner(userID: 1, groupID: 1), user: "me", group: "us")
      let now = Timestamp.now()
      let time = Timestamp(seconds: now.seconds - age, nanoseconds: 0)
      try mount.tree.bookkeep("init") { namespace throws(NamespaceError) in
        try BareRepositoryTemplate(defaultBranch: "main").install(in: &namespace, owner: owner, at: time)
        for path in paths {
          let words = path.split(separator: " ").map(String.init)
          var directory = Namespace.root
          let names = words[0].split(separator: "/").map { Name(String($0)) }
          for name in names.dropLast() {
            if let next = try namespace.optionalChild(name, of: directory) {
              directory = next
            } else {
              let new = NewInode(type: .dir, permissions: 0o755, owner: owner)
              directory = try namespace.apply(.create(new, as: name, in: directory), at: time)
            }
          }
          var new = NewInode(type: .file, permissions: 0o644, owner: owner)
          if words.count > 1 {
            new = NewInode(type: words[1] == "dir" ? .dir : .symlink, permissions: 0o755, owner: owner)
          }
          let made = try namespace.apply(.create(new, as: names[names.count - 1], in: directory), at: time)
          if words[0] == fresh {
            _ = try namespace.apply(.setAttributes(AttributeChanges(modificationTime: now), of: made), at: now)
          }
        }
      }
      return try RepositorySurvey.run(on: mount.tree, at: Namespace.root, extent)
    }
  }

  @Test("counts packfiles without kept ones, loose refs at any depth, and loose objects")
  func counts() async throws {
    let paths = [
      "objects/pack/pack-a.pack", "objects/pack/pack-a.idx", "objects/pack/pack-b.pack", "objects/pack/pack-b.keep",
      "objects/pack/pack-c.pack", "refs/heads/a", "refs/heads/b/c/d", "refs/tags/t", "objects/17/abc", "objects/18/abc",
    ]
    let all = try await Self.survey(paths)
    #expect(all.counts == RepositoryCounts(packfiles: 2, looseReferences: 3, looseObjects: 2))
    #expect(all.busy == nil)
    #expect(all.obstacle == nil)
    #expect(try await Self.survey(paths, extent: .needed).counts.looseObjects == 256)
  }

  @Test(
    "notices a running git",
    arguments: [
      "refs/heads/main.lock", "packed-refs.lock", "HEAD.lock", "objects/incoming-x/pack", "objects/tmp_objdir-x/pack",
      "objects/pack/tmp_pack_abcDEF", "objects/maintenance.lock", "objects/info/commit-graph.lock", "gc.pid",
    ])
  func busy(_ path: String) async throws {
    #expect(try await Self.survey([path]).busy != nil)
    #expect(try await Self.survey([path], age: 4000).busy == nil, "left behind by one that was killed")
    #expect(try await Self.survey([path]).counts == RepositoryCounts())
  }

  @Test("a lock from the future blocks no longer than an old lock: the clock was set back")
  func clockSetBack() async throws {
    #expect(try await Self.survey(["packed-refs.lock"], age: -4000).busy == nil)
    #expect(try await Self.survey(["packed-refs.lock"], age: -60).busy != nil)
  }

  // T4 A push that has gone on for hours is at work, though its folder is as old as its beginning.
  @Test("files deep in a quarantine folder count")
  func longPush() async throws {
    let path = "objects/incoming-x/pack/tmp_pack_abcDEF"
    #expect(try await Self.survey([path], age: 9000).busy == nil)
    #expect(try await Self.survey([path], age: 9000, fresh: path).busy != nil)
  }

  // T3 What git does not see from its folder is not pruned.
  @Test(
    "an index, work trees, a rebase, grafts and a shallow history forbid a prune",
    arguments: [
      "index", "worktrees/w/HEAD", "rebase-merge/onto", "rebase-apply/onto", "info/grafts", "shallow",
    ])
  func hidden(_ path: String) async throws {
    #expect(try await !Self.survey([]).hidesReachableObjects)
    let findings = try await Self.survey([path])
    #expect(findings.hidesReachableObjects)
    #expect(findings.obstacle == nil)
  }

  // T4 What is not a repository of its own is left alone.
  @Test(
    "links, and pointers to other places, are obstacles",
    arguments: [
      "packed-refs link", "refs/heads/main link", "objects/pack/pack-a.pack link", "objects/info/alternates",
      "objects/info/http-alternates", "objects/info/commit-graphs/x link", "commondir", "gitdir",
      "reftable/tables.list",
      "objects/pack/pack-a.promisor", "objects/17 link", "logs/HEAD link", ".git dir", "shallow link",
      "info/attributes link", "info/grafts link", "objects/pack/multi-pack-index.d link",
      "objects/pack/multi-pack-index.d/multi-pack-index-1.midx link",
    ])
  func obstacles(_ path: String) async throws {
    #expect(try await Self.survey([path]).obstacle != nil)
  }
}
