import Foundation
import SystemPackage
import Testing

@Suite("The password of a URL", .timeLimit(.minutes(30)))
struct RemoteCredentialTests {
  private static let password = MountedRepository.password

  /// `$P` is the password; restic's variables are not set.
  private func with(_ script: String) async throws -> String {
    var log = ""
    let box = Box()
    try await RemoteClient.withHistory { client in
      await box.set(
        try await client.script(
          """
          P='\(Self.password)'; mkdir -p home; export GIT_CONFIG_GLOBAL=$T/home/config
          askpass() {
            printf '#!/bin/sh\\necho "$1" >> %s/asked\\nsed -n "$(wc -l < %s/asked)p" %s/answers\\n' $T $T $T > ask; chmod 755 ask
            export GIT_ASKPASS=$T/ask; printf '%s\\n' "$@" > answers; rm -f asked
          }
          \(script)
          """, environment: ["RESTIC_PASSWORD": String?.none]))
    }
    log = await box.text
    return log
  }

  @Test("restic's variables come first")
  func variables() async throws {
    _ = try await with(
      """
      RESTIC_PASSWORD="$P" git ls-remote $U; echo "$P" > file; RESTIC_PASSWORD_FILE=file git ls-remote $U
      RESTIC_PASSWORD_COMMAND="cat $T/file" git ls-remote $U
      """)
  }

  @Test("then git's credential helpers: they store a right password, and forget a wrong one, up to three times")
  func helpers() async throws {
    let log = try await with(
      """
      git config --global credential.helper "store --file=$T/store"
      askpass wrong "wrong too" "$P"; git ls-remote $U; is "$(wc -l < asked)" 3
      is "$(sort -u asked)" "Password for 'restic://restic@localhost$V': "
      grep -q "^restic://restic:.*@localhost$V$" store
      askpass; git ls-remote $U; test ! -e asked
      sed -i 's/:[^:]*@/:wrong@/' store; askpass "$P"; git ls-remote $U; is "$(wc -l < asked)" 1; grep -q 7f3a91 store
      rm store; askpass a b c "$P"; no git ls-remote $U; is "$(wc -l < asked)" 3; test ! -s store
      """)
    #expect(log.contains("restic-gitfs: wrong password or no key found in the repository at "))
  }

  @Test("the terminal comes last, without echo; a right password is stored")
  func terminal() async throws {
    let log = try await with(
      """
      git config --global credential.helper "store --file=$T/store"; unset GIT_TERMINAL_PROMPT
      cat > typing.py <<'PYTHON'
      import os, pty, sys
      child, terminal = pty.fork()
      if child == 0: os.execvp('git', ['git', 'ls-remote', sys.argv[1]])
      said, answers = b'', [b'wrong\\n', sys.argv[2].encode() + b'\\n']
      while True:
          try: piece = os.read(terminal, 4096)
          except OSError: break
          said += piece
          if said.count(b'enter password for repository ') > 2 - len(answers): os.write(terminal, answers.pop(0))
      print(said.decode())
      sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
      PYTHON
      python3 typing.py $U "$P" > said; grep -q refs/heads/main said; no grep -q 7f3a91 said; grep -q 'Try again' said
      grep -q 7f3a91 store; python3 typing.py $U x > said; no grep -q 'enter password' said; cat said
      """)
    #expect(log.contains("refs/heads/main"))
  }

  @Test("a wrong password, no password and no repository give one line each and git's exit code")
  func failures() async throws {
    let log = try await with(
      """
      RESTIC_PASSWORD=wrong git ls-remote $U 2> log || is $? 128; is "$(wc -l < log)" 1; cat log
      git ls-remote $U 2> log < /dev/null || is $? 128; is "$(wc -l < log)" 1; cat log
      askpass x; git ls-remote restic::$T/nothing 2> log || is $? 128; is "$(wc -l < log)" 1; cat log; test ! -e asked
      RESTIC_PASSWORD=x git push restic::$T/nothing HEAD:x 2> log || true
      cd a; RESTIC_PASSWORD=x git push restic::$T/nothing HEAD:x 2> log || is $? 128; is "$(wc -l < log)" 1; cat log
      """)
    #expect(log.contains("wrong password or no key found in the repository"))
    #expect(log.contains("terminal prompts disabled"))
    #expect(log.contains("there is no restic repository at "))
  }

  @Test("the password is in no argument, and in no variable of git's server programs")
  func secrecy() async throws {
    let log = try await with(
      """
      cat > a/.git/hooks/pre-push <<'HOOK'
      #!/bin/bash
      for p in /proc/[0-9]*; do
        [[ "$(cat $p/comm 2> /dev/null)" =~ ^(git|restic) ]] && grep -q -z "XDG_STATE_HOME=$XDG_STATE_HOME" $p/environ || continue
        cat $p/comm; cat $p/cmdline $p/environ | tr '\\0' '\\n' | grep -a 7f3a91 || true
      done > "${XDG_STATE_HOME%/state}/seen"
      HOOK
      chmod 755 a/.git/hooks/pre-push
      askpass "$P"; cd a; git commit -q --allow-empty -m 6; git push -q origin main; cat $T/seen
      """)
    #expect(log.contains("restic-gitfs") && log.contains("git-remote-rest"))
    #expect(!log.contains("7f3a91"))
  }
}

/// Carries a text out of a closure that may run elsewhere.
private actor Box {
  var text = ""

  func set(_ text: String) {
    self.text = text
  }
}
