import ResticTestSupport
import Testing

@Suite("Started with SIGCHLD ignored, as some services start programs", .timeLimit(.minutes(30)))
struct InheritedSignalTests {
  // T1, T2 Housekeeping ends, and is reported, whatever signals the mount's process was started with.
  @Test("a mount learns how git ended, and a password command is understood")
  func childrenEnd() async throws {
    try await MountedRepository.with(limit: .seconds(200)) { vault in
      try vault.makeFolder("mnt")
      let said = try await vault.shell(
        """
        printf %s "$RESTIC_PASSWORD" > $T/word; P=$(cat $T/word); unset RESTIC_PASSWORD
        (trap '' CHLD; exec \(vault.program) mount -q --password-command "cat $T/word" --no-maintenance $M)
        export RESTIC_PASSWORD=$P; cd $M
        for i in 1 2 3; do
          c=$(git commit-tree -m $i $(git mktree </dev/null)); git update-ref refs/heads/b$i $c; git repack -q -d
        done
        cd $T; timeout 60 \(vault.program) maintain --json $M
        """, in: vault.folder)
      #expect(said.contains("\"repack\""), "\(said)")
      try await vault.unmount()
    }
  }
}
