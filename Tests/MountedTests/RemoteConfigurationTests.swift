import SystemPackage
import Testing

@Suite("The configuration of a stored repository", .timeLimit(.minutes(30)))
struct RemoteConfigurationTests {
  /// A mount `mnt` of a history with attributes that name drivers, and client commands that could start any of the drivers.
  private static let prelude = """
    cd a; echo '* filter=planted diff=planted merge=planted export-subst' > .gitattributes; git add .; git commit -q -m 0; git push -q; cd ..
    mkdir -p mnt ran bin; restic-gitfs mount -q mnt
    use() {
      git ls-remote $U; rm -rf c d; git clone -q $U c; git clone -q --depth 1 --filter=blob:none $U d
      cd c; git commit -q --allow-empty -m $1; git push -q $U HEAD:main HEAD:refs/for/$1; git push --signed=if-asked -q $U HEAD:new$1; cd ..
      for format in tar tar.gz tgz zip; do git archive --remote=$U --format=$format main > x.$format; done
      git archive --remote=$U --format=planted main > x.planted || true
    }
    # Each line of `git help --config`, with a name in the place of what it leaves open; one program for each.
    names() {
      git help --config | sed -e 's/<[^>]*>/planted/g; s/\\*/planted/g' | grep -E '^[A-Za-z]+[.].*[A-Za-z]$|^[A-Za-z]+[.][A-Za-z]+$'
      printf '%s\\n' tar.tar.gz.command tar.tgz.command remote.origin.url remote.origin.uploadpack future.command core.futureCommand \\
        include.path includeIf.gitdir:/.path hook.planted.command gpg.ssh.program gpg.x509.program core.alternateRefsCommand
    }
    # VALUE of the variable $name: all variables, but for those whose values are looked at, which the mount names.
    plant() {
      rm -f config; cp mnt/config config
      names | while read -r name; do eval "value=$1"; git config -f config "$name" "$value" 2> /dev/null || true; done
      git config -f config core.repositoryFormatVersion 0; cp config mnt/config; restic-gitfs sync -q mnt
      until git ls-remote $U > /dev/null 2> said; do
        grep -q 'not accept for' said || { cat said; exit 97; }
        for name in $(sed 's/.*not accept for //; s/;.*//; s/,//g' said | head -n 1); do git config -f config --unset-all $name; done
        cp config mnt/config; restic-gitfs sync -q mnt
      done
      is "$(grep -c "$2" config | sed 's/^[1-9][0-9][0-9]$/many/')" many
    }

    """

  /// G2 Every variable that git knows, set to a command, runs nothing.
  @Test("a command in any of git's variables does not run on fetch, push and archive")
  func commands() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        Self.prelude + """
          for name in $(names); do printf '#!/bin/sh\\ntouch "%s/ran/%s"\\ncat\\n' $T ${name//\\//_} > bin/${name//\\//_}; done; chmod 755 bin/*
          plant '$T/bin/${name//\\//_}' bin/; use 1
          for name in $(names | grep '^alias\\|^pager'); do git config -f config $name "!$T/bin/$name"; done
          git config -f config credential.helper "!$T/bin/credential.helper"; git config -f config tar.planted.remote true
          git config -f config extensions.partialClone origin; git config -f config remote.origin.promisor true
          git config -f config remote.origin.url "ext::$T/bin/future.command"; git config -f config protocol.allow always
          cp config mnt/config; restic-gitfs umount -q mnt; use 2
          is "$(ls ran)" ""
          # The stored file is as it was written.
          restic-gitfs mount -q mnt; cmp config mnt/config; restic-gitfs umount -q mnt
          """)
    }
  }

  /// G2 Every variable that git knows, set to a path, opens nothing outside: here it would wait for ever.
  @Test("a fifo outside the mount, named by any of git's variables, is neither read nor written")
  func paths() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        Self.prelude + """
          mkfifo fifo; plant '$T/fifo' /fifo; restic-gitfs umount -q mnt; export -f use; export U T
          timeout -k 1 300 bash -eu -c 'use 1'
          """)
    }
  }

  @Test("harmless settings of the stored repository take effect")
  func harmless() async throws {
    try await RemoteClient.withHistory { client in
      let log = try await client.script(
        """
        mkdir -p mnt; restic-gitfs mount -q mnt; git -C mnt config receive.denyNonFastForwards true
        git -C mnt config uploadpack.hideRefs refs/secret; restic-gitfs umount -q mnt
        cd a; git push -q origin main:refs/secret/x; is "$(git ls-remote origin 'refs/secret/*')" ""
        git commit -q --amend -m other; no git push -f origin main
        """)
      #expect(log.contains("(non-fast-forward)") || log.contains("denying non-fast-forward"))
    }
  }

  /// W4 On a mount with `--safe-config` git's configuration is shown without commands and paths, and can't be changed.
  @Test("a planted command runs at a push to a mount, and not with --safe-config")
  func safeMount() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        mkdir -p mnt ran; restic-gitfs mount -q mnt; git init -q --bare mnt/base.git; echo ../base.git/objects > mnt/objects/info/alternates
        git -C mnt config core.alternateRefsCommand "touch $T/ran/alternateRefs; :"; cp mnt/config stored
        git -C a push -q $T/mnt main:one; is "$(ls ran)" alternateRefs; rm ran/*; restic-gitfs umount -q mnt
        restic-gitfs mount -q --safe-config mnt
        git -C a push -q $T/mnt main:two; git clone -q mnt c; is "$(ls ran)" ""
        no git -C mnt config core.pager x; no rm -f mnt/config; no cp stored mnt/config; no mv -f stored mnt/config
        no bash -c 'echo x >> mnt/base.git/config'; no truncate -s 0 mnt/config; no ln mnt/config mnt/other
        is "$(wc -c < mnt/config)" "$(stat -c %s mnt/config)"; is "$(git -C mnt config core.bare)" true
        no git -C mnt config core.alternateRefsCommand
        ls -l mnt > /dev/null; is "$(git -C mnt config --list --local | grep -c alternateRefs || true)" 0
        restic-gitfs umount -q mnt; restic-gitfs mount -q mnt; cmp stored mnt/config; is "$(git -C mnt rev-parse two)" $(git -C a rev-parse main)
        restic-gitfs umount -q mnt
        """)
    }
  }

  @Test("with --safe-config a mount also filters a configuration that another client has changed")
  func safeRefresh() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        mkdir -p mnt other; restic-gitfs mount -q --safe-config --refresh 0 mnt; cat mnt/config > /dev/null
        restic-gitfs mount -q other; git -C other config receive.denyDeletes true; git -C other config core.pager x
        mkdir other/r.git; cp other/config other/r.git/; restic-gitfs sync -q other
        restic-gitfs sync -q mnt; is "$(git config -f mnt/config receive.denyDeletes)" true; no grep -q pager mnt/config
        # What was a file becomes a repository's configuration.
        grep -q pager mnt/r.git/config
        mkdir other/r.git/refs other/r.git/objects; cp other/HEAD other/r.git; restic-gitfs umount -q other; restic-gitfs sync -q mnt
        is "$(git -C mnt/r.git config receive.denyDeletes)" true; no grep -q pager mnt/r.git/config
        restic-gitfs umount -q mnt
        """)
    }
  }

  /// An included file may change between any look and any use: it is neither read nor used.
  @Test("git archive does not include a configuration file that another account keeps changing")
  func race() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        mkdir -p mnt ran shared; restic-gitfs mount -q mnt; git -C mnt config include.path $T/shared/included; restic-gitfs umount -q mnt
        printf '[tar "planted"]\\n\\tcommand = touch %s/ran/it; cat\\n\\tremote = true\\n' $T > shared/bad; : > shared/good
        (while [[ ! -e stop ]]; do cp shared/bad shared/new; mv shared/new shared/included; cp shared/good shared/new; mv shared/new shared/included; done) &
        for i in 1 2 3 4 5; do no git archive --remote=$U --format=planted main > /dev/null; done; touch stop; wait
        cp shared/bad shared/included; no git archive --remote=$U --format=planted main > /dev/null
        is "$(ls ran)" ""
        """)
    }
  }
}
