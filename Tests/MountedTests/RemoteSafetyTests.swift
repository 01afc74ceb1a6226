import SystemPackage
import Testing

@Suite("Nothing in a stored repository runs", .timeLimit(.minutes(30)))
struct RemoteSafetyTests {
  /// Every hook and every command that git knows in a repository's configuration; each leaves a file in `$T/ran`.
  private static let plant = """
    ran=$T/ran; mkdir -p $ran $T/hooks $T/victim
    for hook in pre-receive update post-receive post-update reference-transaction push-to-checkout proc-receive \
      pre-auto-gc post-index-change fsmonitor-watchman pre-commit post-checkout post-merge pre-push; do
      printf '#!/bin/sh\\ntouch %s/hook-%s\\n' $ran $hook > hooks/$hook; chmod 755 hooks/$hook; cp -p hooks/$hook $T/hooks
    done
    printf '#!/bin/sh\\ntouch %s/gpg\\n' $ran > $T/gpg; chmod 755 $T/gpg
    git init -q --bare alternate.git; git -C $T/a push -q $T/mnt/alternate.git main:refs/heads/alternate
    git -C alternate.git config core.alternateRefsCommand "touch $ran/alternate"
    mkdir -p objects/info; echo ../alternate.git/objects > objects/info/alternates
    printf '[tar "included"]\\n\\tcommand = touch %s/included; cat\\n\\tremote = true\\n' $ran > included
    cat >> config <<CONFIG
    [core]
    \thooksPath = $T/hooks
    \tfsmonitor = touch $ran/fsmonitor
    \talternateRefsCommand = touch $ran/alternateRefs
    \tsshCommand = touch $ran/ssh
    \tgitProxy = touch $ran/proxy
    \taskPass = touch $ran/askpass
    \tpager = touch $ran/pager
    \teditor = touch $ran/editor
    \tworktree = $T/victim
    [uploadpack]
    \tpackObjectsHook = touch $ran/packObjects
    [receive]
    \tdenyCurrentBranch = updateInstead
    \tcertNonceSeed = abc
    \tautogc = true
    \tupdateServerInfo = true
    \tprocReceiveRefs = refs/for
    [gc]
    \tauto = 1
    \tautoDetach = false
    [filter "planted"]
    \tsmudge = touch $ran/smudge; cat
    \tclean = touch $ran/clean; cat
    \tprocess = touch $ran/process
    \trequired = true
    [tar "tar.gz"]
    \tcommand = touch $ran/targz; cat
    [tar "planted"]
    \tcommand = touch $ran/tar; cat
    \tremote = true
    [alias]
    \tupload-pack = !touch $ran/alias
    \treceive-pack = !touch $ran/alias
    [credential]
    \thelper = !touch $ran/credential
    [hook "planted"]
    \tevent = pre-receive
    \tevent = reference-transaction
    \tcommand = touch $ran/configured
    [gpg]
    \tprogram = $T/gpg
    [protocol "ext"]
    \tallow = always
    [extensions]
    \tpartialClone = origin
    [remote "origin"]
    \turl = ext::touch% $ran/ext
    \tpromisor = true
    \tuploadpack = touch $ran/uploadpack
    [diff "planted"]
    \ttextconv = touch $ran/textconv
    [include]
    \tpath = included
    CONFIG
    """

  /// Client commands that could start any of the planted commands.
  private static let use = """
    git ls-remote $R; git clone -q $R b; git clone -q --depth 1 $R c; git clone -q --filter=blob:none $R d; git clone -q --mirror $R e
    cd b; for i in 1 2; do git commit -q --allow-empty -m $i; git push -q $R main; git push -q -f $R main main:new$i; done
    git push -q $R :new1; git push $R main:refs/for/x || true; git push --signed=if-asked $R main:signed || true; cd ..
    for format in tar tar.gz tgz zip planted included; do git archive --remote=$R --format=$format main > x.$format || true; done
    git fetch -q $R main || true
    """

  @Test("no hook, configured command or filter runs on fetch, push and archive")
  func planted() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        cd a; echo '* filter=planted diff=planted' > .gitattributes; git add .; git commit -q -m attributes; git push -q; cd ..
        mkdir -p mnt; restic-gitfs mount -q mnt; cd mnt; \(Self.plant)
        cd ..; restic-gitfs umount -q mnt
        R=$U; \(Self.use)
        is "$(ls ran victim | xargs)" "ran: victim:"
        """)
    }
  }

  /// Shows that the test above would notice.
  @Test("a plain git server runs the planted commands")
  func guardBites() async throws {
    try await RemoteClient.withHistory { client in
      try await client.script(
        """
        cd a; echo '* filter=planted' > .gitattributes; git add .; git commit -q -m attributes; git push -q; cd ..
        git clone -q --bare $U plain; mkdir -p ran plain/hooks; ran=$T/ran; cd plain
        printf '#!/bin/sh\\ntouch %s/hook\\n' $ran > hooks/update; chmod 755 hooks/update
        git init -q --bare ../alternate.git; echo $T/alternate.git/objects > objects/info/alternates
        git config core.alternateRefsCommand "touch $ran/alternateRefs; :"
        git config filter.planted.smudge "touch $ran/smudge; cat"
        git config tar.planted.command "touch $ran/tar; cat"; git config tar.planted.remote true
        cd ../a; git commit -q --allow-empty -m x; git push -q file://$T/plain main
        git archive --remote=file://$T/plain --format=planted main > /dev/null
        is "$(ls $ran | xargs)" "alternateRefs hook smudge tar"
        """)
    }
  }

  /// G6 A name of a reference may hold what a terminal obeys: U+009B begins a command.
  @Test("stored names in messages of git's server programs cannot steer the terminal")
  func names() async throws {
    try await RemoteClient.withHistory { client in
      let log = try await client.script(
        """
        mkdir -p mnt; restic-gitfs mount -q mnt; name=$(printf 'x\\302\\23331m\\342\\200\\256')
        git -C mnt update-ref refs/heads/topic/$name main; restic-gitfs umount -q mnt
        no git -C a push origin main:topic 2> pushed; no grep -q $(printf '\\302\\233') pushed; cat pushed
        restic-gitfs mount -q mnt; echo broken$name >> mnt/packed-refs; restic-gitfs umount -q mnt
        no git ls-remote $U 2> listed; no grep -q $(printf '\\302\\233') listed; cat listed
        """)
      #expect(log.contains("remote: error: cannot lock ref 'refs/heads/topic': 'refs/heads/topic/x?31m?' exists"))
      #expect(log.contains("packed-refs: brokenx?31m?"))
    }
  }

  @Test("a snapshot with a .git inside is refused: git would take the .git for the repository")
  func innerRepository() async throws {
    try await RemoteClient.withHistory { client in
      let log = try await client.script(
        """
        mkdir -p mnt; restic-gitfs mount -q mnt; git init -q mnt/inner; mv mnt/inner/.git mnt/.git; restic-gitfs umount -q mnt
        no git ls-remote $U; no git push $U HEAD:main
        """)
      #expect(log.contains("holds no bare git repository at its root"))
    }
  }
}
