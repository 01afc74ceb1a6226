import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Cleaning up after a URL", .timeLimit(.minutes(30)))
struct RemoteCleanupTests {
  @Test("many pushes in a row leave no mount, process, folder, file or lock")
  func many() async throws {
    // REMOTE_PUSHES=50 for a longer run.
    let count = ProcessInfo.processInfo.environment["REMOTE_PUSHES"].flatMap { Int($0) } ?? 20
    try await RemoteClient.withHistory(limit: .seconds(1200 + count * 30)) { client in
      // The process that keeps house after a push ends by itself, and later.
      try await client.script("git -C a config remote.origin.resticMaintenance false")
      for _ in 0..<count {
        try await client.script("cd a; git commit -q --allow-empty -m x; git push -q origin main")
        // git waits for the helper, and that for the mount: nothing is left even at this moment.
        #expect(client.vault.mounts().isEmpty && client.leftovers().isEmpty)
        #expect(client.vault.stateFiles().isEmpty)
        #expect(try client.vault.stored("locks").isEmpty)
      }
    }
  }

  // G3 A mount namespace that is made while the mount exists has a copy of the mount.
  @Test(
    "a command ends while another mount namespace has a copy of its mount",
    .enabled(if: geteuid() == 0, "mounting needs root"))
  func otherNamespace() async throws {
    try await RemoteClient.withHistory { client in
      try client.beforePush(
        in: "a",
        """
        # The namespace has copies of the mounts of other tests, too, and lets them go.
        export T; cd /; unshare -m --propagation private bash -c '
          awk "\\$3 == \"fuse.restic-gitfs\" && index(\\$2, \"$T/\") != 1 { print \\$2 }" /proc/mounts | xargs -r umount -l
          grep -c " $T/" /proc/mounts > $T/copied; : > $T/ready; while test -e $T/ready; do sleep 0.1; done
        ' < /dev/null > /dev/null 2>&1 &
        until test -e $T/ready; do sleep 0.1; done
        """)
      try await client.script(
        """
        trap 'rm -f $T/ready' EXIT
        cd a; git commit -q --allow-empty -m x; git push -q origin main; test -e ../ready; is "$(cat ../copied)" 1
        is "$(git ls-remote -q origin main | cut -f1)" "$(git rev-parse HEAD)"
        """)
      #expect(client.vault.mounts().isEmpty && client.leftovers().isEmpty)
    }
  }

  @Test("the mount is made in the runtime folder if there is one, in a folder for its owner only")
  func runtimeFolder() async throws {
    try await RemoteClient.withHistory { client in
      try client.beforePush(
        in: "a",
        "stat -c %a $T/run/restic-gitfs $T/run/restic-gitfs/remote-* > $T/modes; grep -c $T/run /proc/mounts >> $T/modes"
      )
      try await client.script(
        """
        mkdir -m 700 run; export XDG_RUNTIME_DIR=$T/run; cd a; git commit -q --allow-empty -m x; git push -q origin main
        is "$(head -1 ../modes; tail -1 ../modes)" "$(printf '700\\n1')"; is "$(ls ../run/restic-gitfs)" ""
        chmod 755 ../run; git fetch -q; is "$(ls ../run/restic-gitfs)" ""
        """)
    }
  }

  @Test("no content of the repository is on disk in plain text")
  func plaintext() async throws {
    try await RemoteClient.withHistory { client in
      let mark = "only-here-\(UInt64.random(in: .min ... .max))"
      try client.beforePush(in: "a", "cd $T; grep -r -l -a \(mark) tmp state cache > found || true")
      try await client.script(
        """
        cd a; (echo \(mark); head -c 5000000 /dev/urandom) > secret-name; git add .; git -c core.compression=0 commit -q -m \(mark)
        git -c pack.compression=0 push -q origin main; cd ..; git clone -q $U b
        is "$(cat found)" ""; for folder in tmp state cache repository; do
          no grep -r -q -a -e \(mark) -e secret-name -e refs/heads $folder; is "$(find $folder -name '*secret-name*')" ""
        done
        """)
    }
  }

  @Test("git reports that the serving process was killed, and nothing is saved")
  func killedChild() async throws {
    try await RemoteClient.withHistory { client in
      try client.beforePush(
        in: "a",
        "for p in /proc/[0-9]*; do if [ \"$(readlink $p/exe)\" = \(client.vault.program) ] && grep -q -z \"XDG_STATE_HOME=$T/\" $p/environ; then kill -9 ${p#/proc/}; fi; done"
      )
      let log = try await client.script(
        "cd a; git commit -q --allow-empty -m x; no git push origin main; is $(git ls-remote $U main | cut -f 1) $(git rev-parse main~1)"
      )
      #expect(log.contains("the process that served the repository died; nothing was saved"))
    }
  }

  @Test("Ctrl-C ends everything")
  func interrupted() async throws {
    try await RemoteClient.withHistory { client in
      for moment in [0.05, 0.2, 0.4, 0.7] {
        try await client.script(
          """
          cd a; head -c 2000000 /dev/urandom > f; git add f; git commit -q -m x
          # Any moment will do.
          setsid git push -q origin main & pid=$!; sleep \(moment); kill -INT -- -$pid 2> /dev/null || true; wait $pid || true
          """)
        try await client.vault.wait(for: "the end of all mounts") {
          client.vault.processes().isEmpty && client.vault.mounts().isEmpty && client.leftovers().isEmpty
        }
      }
      try await client.script("cd a; git push -q -f origin main")
    }
  }

  @Test(
    "a push whose git, helper, mount or server is killed at any moment is saved as a whole or not at all, and leaves nothing behind"
  )
  func killed() async throws {
    // REMOTE_KILLS=200 for a long run.
    let rounds = ProcessInfo.processInfo.environment["REMOTE_KILLS"].flatMap { Int($0) } ?? 20
    var random = SplitMix64(seed: 20)
    let plan = (0..<rounds).map { _ in
      (who: ["git", "helper", "mount", "server"][Int(random.next() % 4)], delay: Double(random.next() % 600) / 1000)
    }
    try await RemoteClient.withHistory(limit: .seconds(1200 + rounds * 30)) { client in
      var possible: Set<String> = []
      for (round, step) in plan.enumerated() {
        let log = try await client.script(
          """
          cd a; head -c 100000 /dev/urandom > f; git add f; git commit -q -m \(round); echo "commit $(git rev-parse main)"
          # Any moment will do.
          git push -q -f origin main 2> /dev/null & push=$!; sleep \(step.delay)
          for p in /proc/[0-9]*; do
            grep -q -z "XDG_STATE_HOME=$T/" $p/environ 2> /dev/null || continue
            name=$(tr '\\0' ' ' < $p/cmdline 2> /dev/null) || continue
            case "\(step.who):$name" in
              git:"git push "*|helper:*git-remote-restic\\ *|mount:*restic-gitfs\\ mount*|server:*receive-pack*)
                if [[ "$name" != *bash* ]]; then kill -9 ${p#/proc/} 2> /dev/null || true; fi;;
            esac
          done
          if wait $push; then echo accepted; fi
          """)
        guard let line = log.split(separator: "\n").first(where: { $0.hasPrefix("commit ") }) else { continue }
        let commit = String(line.dropFirst("commit ".count))
        possible = log.contains("accepted") ? [commit] : possible.union([commit])
        try await client.vault.wait(for: "the end of all mounts") {
          client.vault.processes().isEmpty
        }
        if round % 5 == 4 || round == rounds - 1 {
          let now = try await client.script("git ls-remote $U refs/heads/main 2> /dev/null | cut -f 1 | tr -d '\\n'")
          #expect(possible.contains(now) || round < 5, "round \(round): \(now)")
          possible = [now]
          #expect(client.vault.mounts().isEmpty && client.leftovers().isEmpty)
        }
      }
      // A process that is killed while it writes a file leaves the partial file, which does not count as a lock, for restic neither.
      try await client.script("git clone -q $U b; git -C b fsck --strict; rm -f $V/locks/*-tmp-*")
    }
  }

  @Test("tracing writes what happens to the chosen place")
  func trace() async throws {
    try await RemoteClient.withHistory { client in
      let log = try await client.script(
        "RESTIC_GITFS_TRACE=1 git ls-remote $U; RESTIC_GITFS_TRACE=$T/trace git ls-remote $U 2> err; cat trace; is \"$(cat err)\" ''"
      )
      #expect(log.components(separatedBy: "git asks: connect git-upload-pack").count == 3)
      #expect(!log.contains(MountedRepository.password))
    }
  }
}
