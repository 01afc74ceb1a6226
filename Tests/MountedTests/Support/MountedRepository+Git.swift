import Foundation
import SystemPackage
import Testing

extension MountedRepository {
  /// Makes a bare repository `name` in the test's folder: `commits` commits on some branches, merges, tags, files that
  /// grow. The same each time.
  @discardableResult
  func makeHistory(_ name: String = "source.git", commits: Int = 200) async throws -> FilePath {
    let program = """
      chance = random.Random(4)
      out = sys.stdout
      def data(text): out.write("data %d\\n%s\\n" % (len(text), text))
      heads, texts = {}, {}
      branches = ["main", "topic", "feature/deep/x", "release/1.0"]
      for mark in range(1, int(sys.argv[1]) + 1):
          branch = branches[0] if mark < 20 else chance.choice(branches)
          out.write("commit refs/heads/%s\\nmark :%d\\ncommitter C O Mitter <c@example.com> %d +0100\\n" % (branch, mark, 1500000000 + mark * 100))
          data("commit %d\\n" % mark)
          if branch not in heads and mark > 1: out.write("from :%d\\n" % heads["main"])
          elif mark % 17 == 0 and branch != "main": out.write("merge :%d\\n" % heads["main"])
          heads[branch] = mark
          for _ in range(chance.randrange(1, 5)):
              path = "dir%d/sub%d/file%d" % (chance.randrange(5), chance.randrange(3), chance.randrange(10))
              texts[path] = texts.get(path, "") + "line %d %x\\n" % (mark, chance.getrandbits(400))
              out.write("M 100644 inline %s\\n" % path); data(texts[path])
          if mark % 25 == 0:
              out.write("tag v%d\\nfrom :%d\\ntagger T A Gger <t@example.com> %d +0000\\n" % (mark, mark, 1500000000 + mark * 100)); data("tag %d\\n" % mark)
      out.write("done\\n")
      """
    let stream = try await python(program, ["\(commits)"], in: folder)
    let path = path(name)
    try await git(["init", "--quiet", "--bare", path.string], in: folder)
    try await run("git", ["fast-import", "--quiet", "--done"], in: path, input: Array((stream + "\n").utf8))
    return path
  }

  /// Every ref and its target, `HEAD` first.
  func refs(_ path: FilePath? = nil) async throws -> String {
    try await git(["symbolic-ref", "HEAD"], in: path) + "\n"
      + git(["for-each-ref", "--format=%(refname) %(objectname) %(objecttype)"], in: path)
  }

  /// Fails the test unless the mount holds a sound repository with the refs of `other`, now, in a new mount, and in what
  /// restic restores.
  func expectSound(like other: FilePath, at location: SourceLocation = #_sourceLocation) async throws {
    #expect(try await refs() == refs(other), sourceLocation: location)
    try await git(["fsck", "--strict", "--full"])
    try await expectKept(at: location)
    #expect(try await refs() == refs(other), sourceLocation: location)
    try await git(["fsck", "--strict", "--full"])
  }
}
