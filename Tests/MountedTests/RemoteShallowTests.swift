import Testing

@Suite("Pushes from a shallow clone", .timeLimit(.minutes(30)))
struct RemoteShallowTests {
  // G1 The snapshot itself holds everything that the new values reach; no shallow file stands in for an object.
  @Test("a push without its history is refused, also as the first one, whatever the user's configuration allows")
  func refused() async throws {
    try await RemoteClient.with { client in
      try await client.script(
        """
        git config -f config receive.shallowUpdate true; export GIT_CONFIG_GLOBAL=$PWD/config
        git init -q -b main a; for i in 1 2 3; do git -C a commit -q --allow-empty -m $i; done
        git clone -q --depth 1 file://$PWD/a s; git -C s commit -q --allow-empty -m 4
        no git -C s push $U main 2> said; grep -q 'shallow update not allowed' said
        is "$(git ls-remote $U 2> said || true)" ""
        # Where the history is there, the clone may push.
        git -C a push -q $U main; git -C s push -q $U main:other
        git clone -q -b other $U d; is $(git -C d rev-list --count other) 4
        """)
    }
  }
}
