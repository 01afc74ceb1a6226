import ResticTestSupport
import SystemPackage
import Testing

/// git believes a commit-graph without looking at the commits. Another client may have written the file, or it may be
/// damaged.
@Suite("A commit-graph that is wrong", .timeLimit(.minutes(30)))
struct CommitGraphTests {
  /// `forge COMMIT [PARENT]` writes a commit-graph in which COMMIT has only that parent, or none.
  private static let forge = """
    forge() {
      git commit-graph write --reachable
      python3 - "$@" <<'END'
    import hashlib, os, struct, sys
    path = "objects/info/commit-graph"
    graph = bytearray(open(path, "rb").read())
    chunks = {}
    for i in range(graph[6] + 1):
        name, offset = struct.unpack_from(">4sQ", graph, 8 + 12 * i)
        chunks[name] = offset
    count, = struct.unpack_from(">I", graph, chunks[b"OIDF"] + 1020)
    ids = [graph[chunks[b"OIDL"] + 20 * i:][:20].hex() for i in range(count)]
    commit = chunks[b"CDAT"] + 36 * ids.index(sys.argv[1])
    parent = ids.index(sys.argv[2]) if len(sys.argv) > 2 else 0x70000000
    struct.pack_into(">I", graph, commit + 20, parent)
    graph[-20:] = hashlib.sha1(bytes(graph[:-20])).digest()
    os.unlink(path)
    open(path, "wb").write(graph)
    END
    }

    """

  // C18 A move is told as forced if the old commit is no ancestor of the new one, whatever a file says of that.
  @Test("a forced push does not pass for one that went forward")
  func forced() async throws {
    try await RemoteClient.withHistory { client in
      let vault = client.vault
      try await client.script(
        """
        cd a; git rev-parse main > $T/old; git checkout -q --orphan o; git commit -q -m o1
        for i in 2 3 4 5 6 7; do git commit -q --allow-empty -m o$i; done
        git rev-parse o~ > $T/cut; git push -q -f origin o:main
        """)
      try await vault.mount()
      try await vault.shell(
        Self.forge + """
          git update-ref refs/heads/old $(cat $T/old); forge $(cat $T/cut) $(cat $T/old); git update-ref -d refs/heads/old
          git merge-base --is-ancestor $(cat $T/old) main
          """)
      try await vault.unmount()
      #expect(try await vault.log(["main"]).map(\.forced).first == true)
    }
  }

  // T9 No object that a reference needs is lost.
  @Test("no object is taken for unreachable that a reference reaches")
  func pruned() async throws {
    try await MountedRepository.mounted([]) { vault in
      try await vault.shell(
        Self.forge + """
          p=; for i in 1 2 3; do
            t=$(printf '100644 blob %s\\tf\\n' $(echo $i | git hash-object -w --stdin) | git mktree)
            p=$(git commit-tree -m $i ${p:+-p $p} $t)
          done
          git update-ref refs/heads/main $p; forge $(git rev-parse main~)
          [[ $(git rev-list --count main) = 2 ]]
          find objects/?? -type f -exec touch -d '60 days ago' {} +
          """)
      try await vault.gitfs(["maintain", vault.mountpoint.string])
      try await vault.shell(
        "[[ $(git -c core.commitGraph=false rev-list --count main) = 3 ]]; git -c core.commitGraph=false fsck --strict")
    }
  }
}
