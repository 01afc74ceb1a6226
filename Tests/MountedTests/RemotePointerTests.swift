import ResticCore
import SystemPackage
import Testing

@Suite("Pointers that lead out of a stored repository", .timeLimit(.minutes(30)))
struct RemotePointerTests {
  /// Beside a history, a mount that stays; what is planted in it is saved by `planted`, and taken away by `restored`.
  private static let prelude = """
    mkdir -p mnt outside/heads made; echo secret > victim; chmod 600 victim; cp -a victim victim.before
    restic-gitfs mount -q mnt; git -C mnt config core.logAllRefUpdates always; git -C mnt config core.sharedRepository 0644
    restic-gitfs sync -q mnt
    git init -q b; cd b; git fetch -q $U main; git checkout -q FETCH_HEAD; git commit -q --allow-empty -m 2; cd ..
    # PLACE KIND
    plant() {
      rm -rf mnt/aside; if [[ -e mnt/$1 ]]; then mv mnt/$1 mnt/aside; fi; mkdir -p mnt/$(dirname $1)
      case $2 in
        fifo) mkfifo mnt/$1;;
        socket) (cd mnt/$(dirname $1); python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $(basename $1));;
        device) mknod mnt/$1 c 1 3;;
        dangling) ln -s $T/made/new mnt/$1;;
        link) if [[ -d mnt/aside ]]; then ln -s $T/outside mnt/$1; else ln -s $T/victim mnt/$1; fi;;
      esac
    }
    unplant() { rm mnt/$1; if [[ -e mnt/aside ]]; then mv mnt/aside mnt/$1; fi; restic-gitfs sync -q mnt; }
    # It ends, and fails, and says what is wrong.
    refuses() {
      code=0; timeout -k 1 300 "${@:2}" > said 2>&1 || code=$?
      if [[ $code == 0 || $code == 124 || $code == 137 ]] || ! grep -q "$1" said; then echo "$code for ${*:2} with $1:"; cat said; exit 97; fi
    }

    """

  /// G5 Links, fifos, sockets and devices in a stored repository are errors: nothing hangs, nothing outside is read or written.
  @Test(
    "a link, fifo, socket or device is refused wherever git would follow it or hang on it",
    arguments: ["fifo", "socket", "device", "link", "dangling"])
  func kinds(_ kind: String) async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        Self.prelude + """
          for place in config HEAD packed-refs refs/heads/x refs/heads refs objects objects/info/alternates commondir .git; do
            plant $place \(kind); restic-gitfs sync -q mnt
            refuses "$place is .*restic-gitfs mount" git ls-remote $U
            refuses "$place is .*restic-gitfs mount" git -C b push $U HEAD:main
            unplant $place
          done
          # git comes upon it in a push only.
          plant logs/refs/heads/main \(kind); restic-gitfs sync -q mnt
          git ls-remote $U > /dev/null
          refuses "logs/refs/heads/main is .*restic-gitfs mount" git -C b push $U HEAD:main
          unplant logs/refs/heads/main
          restic-gitfs umount -q mnt
          git -C b push -q $U HEAD:main; is $(git ls-remote $U main | cut -f 1) $(git -C b rev-parse HEAD)
          is "$(stat -c '%a %s %Y' victim)" "$(stat -c '%a %s %Y' victim.before)"; is "$(ls made outside/heads | xargs)" "made: outside/heads:"
          """)
    }
  }

  /// G5 Pointers that leave the mount are refused.
  @Test(
    "alternates, a common folder and work trees outside the mount are refused, and the advised way works")
  func outside() async throws {
    try await RemoteClient.with { client in
      try await client.script(
        """
        git init -q s; git -C s commit -q --allow-empty -m 1; git clone -q --bare --shared s b
        mkdir m; restic-gitfs mount -q --no-git-init m; cp -a b/. m/; restic-gitfs umount -q m
        git -C s commit -q --allow-empty -m 2
        no git -C s push $U main 2> said; grep -q 'objects/info/alternates.*git repack -a -d && rm' said
        no git ls-remote $U
        restic-gitfs mount -q m; (cd m; git repack -q -a -d && rm objects/info/*alternates); restic-gitfs umount -q m
        git -C s push -q $U main; mv s gone; git clone -q $U c; git -C c fsck --strict; is $(git -C c rev-list --count main) 2

        git init -q --bare other; restic-gitfs mount -q m; echo $T/other > m/commondir; restic-gitfs umount -q m
        no git -C c push $U main:x 2> said; grep -q commondir said; no git ls-remote $U
        restic-gitfs mount -q m; rm m/commondir; mkdir -p m/worktrees/w; echo $T/other > m/worktrees/w/commondir; restic-gitfs umount -q m
        no git -C c push $U main:x 2> said; grep -q worktrees/w/commondir said
        is "$(git -C other for-each-ref)" ""
        """)
    }
  }

  @Test("alternates inside the mount work, and a clone is complete")
  func inside() async throws {
    try await RemoteClient.with { client in
      try await client.script(
        """
        git init -q s; git -C s commit -q --allow-empty -m 1; git clone -q --bare s m.tmp; git clone -q --bare s base.tmp
        mkdir m; restic-gitfs mount -q --no-git-init m; cp -a m.tmp/. m/; cp -a base.tmp m/base.git
        rm -rf m/objects/??; echo ../base.git/objects > m/objects/info/alternates; restic-gitfs umount -q m
        git -C s commit -q --allow-empty -m 2; git -C s push -q $U main; rm -rf m.tmp base.tmp; mv s gone
        git clone -q $U c; git -C c fsck --strict; is $(git -C c rev-list --count main) 2
        """)
    }
  }

  /// G5 A snapshot that shows more references than anybody has ends a command at once.
  @Test("refs in 30^12 directories end ls-remote and push with an error")
  func wide() async throws {
    try await RemoteClient.withHistory { client in
      let repository = try await client.vault.opened()
      let newest = try #require(try await repository.latestSnapshot(matching: .init()))
      var nodes = try await repository.rootNodes(of: newest)
      try await repository.save(seconds: 1_000_000_000) { uploader in
        var subtree = try await uploader.add(.init(#"{"nodes":[]}"#.utf8) + [10], type: .tree)
        for _ in 0..<12 {
          let names = (0..<30).map { #""d\#(String($0 + 100))""# }
          let list = names.map {
            HandmadeTree.node($0, "dir", ["mode": "2147484141", "subtree": #""\#(subtree.hex)""#, "content": ""])
          }
          subtree = try await uploader.add(
            Array(#"{"nodes":[\#(list.joined(separator: ","))]}"#.utf8) + [10], type: .tree)
        }
        nodes["refs"]?.subtree = subtree
        return Tree(nodes: Array(nodes.values)).encode()
      }
      try await client.script(
        """
        for command in "git ls-remote $U" "git -C a push $U HEAD:main"; do
          code=0; (ulimit -v 8000000; timeout -k 1 300 $command) > said 2>&1 || code=$?
          cat said; [[ $code != 0 && $code != 124 && $code != 137 ]]; grep -q 'refs holds more than 500000' said
        done
        """)
    }
  }
}
