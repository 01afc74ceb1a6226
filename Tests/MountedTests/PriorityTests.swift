import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@Suite("The priority with which a program was started")
struct PriorityTests {
  @Test("stays that of every thread of a mount")
  func nice() async throws {
    try await MountedRepository.with { vault in
      try await vault.shell(
        """
        cat > work.sh <<'EOF'
        set -eu
        cd "$1"; export XDG_STATE_HOME=$1/nice-state
        nice -n 7 "$2" mount -q --foreground --log-file log -r "$1/niced" "$1/nice-mnt" 2> said & child=$!
        for round in $(seq 600); do mountpoint -q nice-mnt && break; sleep 0.05; done
        echo 1 > nice-mnt/file; sync nice-mnt
        # nice is the 19th field of stat, the 17th after the name.
        for task in /proc/$child/task/*; do sed 's/.*) //' $task/stat | cut -d ' ' -f 17; done | sort -u > values
        fusermount3 -u nice-mnt; wait $child
        cat values said
        EOF
        mkdir -p niced nice-mnt; '\(vault.program)' init -q -r niced
        """, in: vault.folder)
      let words = ["\(vault.folder)/work.sh", vault.folder.string, vault.program.string]
      #expect(try await vault.run("/bin/bash", words, in: vault.folder) == "7")
    }
  }

  @Test(
    "is lowered for nobody, and no line complains, if the user may not set it",
    .enabled(if: geteuid() == 0, "without root the other test shows it"))
  func normalUser() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await vault.shell("cp \(vault.program) $T/program; chmod -R a+rX $T")
      let result = try await vault.result(
        "setpriv",
        [
          "--reuid=65534", "--regid=65534", "--clear-groups", "nice", "-n", "7", "\(vault.folder)/program", "snapshots",
          "-r", "/no/such", "--no-cache",
        ], in: "/")
      #expect(result.errorOutput.split(separator: "\n").count == 1, "\(result.errorOutput)")
      #expect(!result.errorOutput.contains("priority"), "\(result.errorOutput)")
    }
  }
}
