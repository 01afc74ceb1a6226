import SystemPackage
import Testing

@Suite("A damaged record of what is complete only costs time", .timeLimit(.minutes(30)))
struct RemoteRecordTests {
  // G1 The note in the client's git folder only saves work.
  @Test("a push goes on if the record names objects that do not exist, and begins a new record")
  func damaged() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        cd a; record=$(ls .git/restic/complete-*); is $(grep -c ^tip $record) 1
        damage() { sed -i "s/^tip.*/$1/" $record; }
        for line in 'tip 1111111111111111111111111111111111111111' 'tip ' 'tip 12' "$(printf 'tip \\\\uff11')"; do
          damage "$line"; git commit -q --allow-empty -m x; git push -q 2> said || { cat said; exit 96; }
          is "$(grep ^tip $record)" "tip $(git rev-parse main)"
        done
        """)
    }
  }

  // G1 A record that is damaged hides nothing that is missing.
  @Test("what is missing is reported all the same")
  func missing() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        for i in 6 7; do echo $i > a/f$i; git -C a add .; git -C a commit -q -m c$i; git -C a push -q; done
        mkdir m; restic-gitfs mount -q m; rm $(ls -S m/objects/pack/* | head -n 2); restic-gitfs umount -q m
        cd a; sed -i '/^pack/d;s/^tip.*/tip 1111111111111111111111111111111111111111/' .git/restic/complete-*
        git commit -q --allow-empty -m x; no git push 2> said; grep -q 'not saved\\|missing' said
        """)
    }
  }
}
