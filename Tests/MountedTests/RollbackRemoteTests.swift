import Foundation
import ResticTestSupport
import Testing

// D1 to D3 through URLs.
@Suite("git and a storage that was rolled back")
struct RollbackRemoteTests {
  private static let older = "the storage shows an older state"

  /// A storage with five commits in the clone `a`, as it was when `a` had not pushed the sixth one yet.
  private static let putBack = """
    cp -a $V $T/old; cd a; echo 6 > f6; git add .; git commit -q -m c6; git push -q origin main; cp -a $V $T/new
    cp -a $V $T/gone; rm -r $V; cp -a $T/old $V
    """

  @Test(
    "ls-remote and fetch report the rollback; a push is refused until the rollback is accepted, and then it is not reported again"
  )
  func accepted() async throws {
    try await RemoteClient.withHistory(storage: .local) { client in
      try await client.script(Self.putBack)
      for command in ["ls-remote origin", "fetch -q origin", "clone -q $U ../b"] {
        let log = try await client.script("cd a; git \(command)")
        #expect(log.contains(Self.older), "\(command): \(log)")
      }
      let refused = try await client.script("cd a; no git push origin main; is $(ls $V/snapshots | wc -l) 1")
      #expect(refused.contains(Self.older) && refused.contains("resticAcceptRollback=true"))
      let accepted = try await client.script(
        "cd a; git -c remote.origin.resticAcceptRollback=true push origin main; is $(ls $V/snapshots | wc -l) 2")
      #expect(accepted.contains(Self.older))
      let silent = try await client.script(
        """
        cd a; git fetch origin; git commit -q --allow-empty -m c7; git push origin main
        is "$(git ls-remote origin main | cut -f 1)" "$(git rev-parse main)"
        """)
      #expect(!silent.contains("the storage shows"))
    }
  }

  @Test("git goes on once the newer state is back; a repository without its snapshots is not cloned as an empty one")
  func back() async throws {
    try await RemoteClient.withHistory(storage: .local) { client in
      try await client.script(Self.putBack)
      try await client.script("cd a; no git push -q origin main; rm -r $V; cp -a $T/new $V; git push -q origin main")
      let empty = try await client.script(
        """
        rm $V/snapshots/*; no git clone $U b; cd a; no git fetch origin
        restic-gitfs snapshots -r $V --accept-rollback; git push -q origin main
        is "$(git ls-remote origin main | cut -f 1)" "$(git rev-parse main)"
        """)
      #expect(empty.contains("the storage shows no snapshot"))
    }
  }

  @Test("a mount that stays for the next command is not used after a rollback")
  func kept() async throws {
    try await RemoteClient.withHistory(storage: .local) { client in
      let log = try await client.script(
        """
        git -C a config remote.origin.resticKeepAlive 1h; git -C a fetch -q; git -C a push -q origin main:kept
        \(Self.putBack)
        git fetch origin; no git push origin main
        git -c remote.origin.resticAcceptRollback=true push -q origin main; git fetch origin; git push -q origin main
        is "$(git ls-remote origin main | cut -f 1)" "$(git rev-parse main)"
        rm -f $T/state/restic-gitfs/remote/kept-*
        """)
      #expect(log.contains(Self.older))
    }
  }
}
