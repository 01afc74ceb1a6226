import SystemPackage
import Testing

@Suite("A push is ok only if the snapshot holds all its objects", .timeLimit(.minutes(30)))
struct RemoteCompletenessTests {
  /// A stored repository whose branch is there and whose history is not, as of one that was copied without its alternates;
  /// `s` has all of it and one commit more.
  private static let broken = """
    git init -q s; for i in 1 2; do echo $i > s/f$i; git -C s add .; git -C s commit -q -m $i; done
    git clone -q --bare --shared s b; git clone -q s w; echo 3 > w/f3; git -C w add .; git -C w commit -q -m 3; git -C w push -q ../b main
    git -C s pull -q ../b main; git -C s commit -q --allow-empty -m 4
    mkdir m; restic-gitfs mount -q --no-git-init m; cp -a b/. m/; rm m/objects/info/alternates; restic-gitfs sync -q m

    """

  /// G1 ok on a push means that the snapshot holds everything that the reference reaches.
  @Test("a push onto missing history is refused, whatever the stored repository claims")
  func broken() async throws {
    try await RemoteClient.with { client in
      try await client.script(
        Self.broken + """
          three=$(git -C w rev-parse HEAD); cut=$(git -C w commit-tree -m 3 HEAD^{tree}); git -C w push -q ../b $cut:refs/heads/cut
          (cd b; cp -a --parents objects/${cut:0:2}/${cut:2} ../m/)
          refuses() {
            restic-gitfs sync -q m; before=$(restic -q snapshots --json | wc -c)
            if git -C s push $U main:main main:new > said 2>&1; then echo "ok with $1"; cat said; exit 97; fi
            grep -q 'lacks objects\\|missing necessary objects' said || { echo "with $1"; cat said; exit 96; }
            is "$(restic -q snapshots --json | wc -c)" "$before"
          }
          refuses nothing
          mkdir -p m/info; echo $three > m/info/grafts; refuses grafts; rm m/info/grafts
          echo $three > m/shallow; refuses shallow; rm m/shallow
          mkdir -p m/refs/replace; echo $cut > m/refs/replace/$three; refuses replace; rm -r m/refs/replace
          cp m/config c; git config -f m/config core.repositoryformatversion 1; git config -f m/config extensions.partialClone origin
          git config -f m/config remote.origin.promisor true; git config -f m/config remote.origin.url /dev/null
          mkdir -p m/objects/pack; pack=$(cd m; echo $three | git pack-objects -q objects/pack/pack); touch m/objects/pack/pack-$pack.promisor
          refuses promisor; cp c m/config; rm m/objects/pack/*
          # With what is missing it is fine.
          cp -a s/.git/objects/. m/objects/; restic-gitfs umount -q m
          git -C s push -q $U main:main main:new; mv s gone; git clone -q $U d; git -C d fsck --strict
          is $(git -C d rev-list --count main) 4
          """)
    }
  }

  // G1
  @Test("objects that this client knows to be complete are not checked again until a pack has vanished")
  func remembered() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        git clone -q $U b; cd b; git commit -q --allow-empty -m b1; git push -q
        is $(ls -d .git/restic/complete-* | wc -l) 1; is $(grep -c ^tip .git/restic/complete-*) 1
        no grep -rq -e 'A U Thor' -e 7f3a91 .git/restic
        # A colleague pushes, and repacks; both is noticed, and goes on.
        cd ../a; git pull -q --rebase; git commit -q --allow-empty -m a1; git push -q
        cd ../b; git pull -q --rebase; git commit -q --allow-empty -m b2; git push -q; is $(grep -c ^tip .git/restic/complete-*) 2
        cd ..; mkdir m; restic-gitfs mount -q m; git -C m repack -q -a -d; restic-gitfs umount -q m
        cd b; git commit -q --allow-empty -m b3; git push -q; is $(grep -c ^tip .git/restic/complete-*) 3
        # Without notes of what was in the old packs all is looked at again.
        cd ..; restic-gitfs mount -q m; git -C m repack -q -a -d -F; restic-gitfs umount -q m; rm -r b/.git/restic/objects-*
        cd b; git commit -q --allow-empty -m b4; git push -q; is $(grep -c ^tip .git/restic/complete-*) 1
        # Packs that are gone are missed: what they held was known to be there.
        cd ..; restic-gitfs mount -q m; rm $(ls -S m/objects/pack/* | head -n 2); restic-gitfs umount -q m
        cd b; git commit -q --allow-empty -m b5; no git push 2> ../said; cat ../said; grep -q 'not saved\\|missing' ../said
        """)
    }
  }
}
