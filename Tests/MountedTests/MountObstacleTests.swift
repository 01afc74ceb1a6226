import Glibc
import ResticTestSupport
import Synchronization
import SystemPackage
import Testing

/// Each test takes away one thing that a mount needs, in a mount namespace of its own.
@Suite(
  "A mount that the system refuses",
  .enabled(if: geteuid() == 0, "only root has mount namespaces and becomes somebody else"))
struct MountObstacleTests {
  private static let asNobody = "setpriv --reuid=65534 --regid=65534 --clear-groups --"

  /// Here /dev/fuse may be root's alone; this is one as it should be.
  private static let device = "mknod -m 666 fuse c 10 229; mount --bind fuse /dev/fuse;"

  /// The message of `mount -f` of the vault after `preparation`, a shell script whose last word starts the program `./program`.
  private func refusal(_ preparation: String) async throws -> String {
    let said = LockedText()
    try await MountedRepository.with { vault in
      try await vault.shell(
        "cp \(vault.program) $T/program; chmod 755 $T; chown -R 65534:65534 $T/mnt $T/repository", in: "/")
      let script = "cd \"$1\"; export XDG_STATE_HOME=/tmp/none-\(getpid()) HOME=/nonexistent; \(preparation)"
      let result = try await vault.result(
        "unshare", ["--mount", "/bin/bash", "-euc", script, "sh", vault.folder.string])
      #expect(result.status == .exited(1), "\(result)")
      said.set(result.errorOutput)
    }
    return said.value
  }

  @Test("says that /dev/fuse is missing")
  func noDevice() async throws {
    let text = try await refusal(
      "mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/urandom c 1 9; ./program mount -f --read-only mnt"
    )
    #expect(text.contains("there is no /dev/fuse"), "\(text)")
  }

  @Test("says that fusermount3 is missing, or has lost its rights")
  func noHelper() async throws {
    let missing = try await refusal(
      "\(Self.device) mount --bind /dev/null /usr/bin/fusermount3; exec \(Self.asNobody) ./program mount -f --read-only mnt"
    )
    #expect(missing.contains("fusermount3 is not installed"), "\(missing)")
    let powerless = try await refusal(
      """
      \(Self.device) cp /usr/bin/fusermount3 helper; chmod 755 helper; mount --bind helper /usr/bin/fusermount3; \
      exec \(Self.asNobody) ./program mount -f --read-only mnt
      """)
    #expect(powerless.contains("is not set-user-ID root"), "\(powerless)")
  }

  @Test("says that the mountpoint belongs to another user, or that --allow-other is not permitted")
  func notAllowed() async throws {
    let foreign = try await refusal(
      "\(Self.device) chown 0:0 mnt; chmod 755 mnt; exec \(Self.asNobody) ./program mount -f --read-only mnt")
    #expect(foreign.contains("you have no write permission there"), "\(foreign)")
    let others = try await refusal(
      "\(Self.device) touch conf; mount --bind conf /etc/fuse.conf; exec \(Self.asNobody) ./program mount -f --read-only --allow-other mnt"
    )
    #expect(others.contains("user_allow_other"), "\(others)")
  }

  @Test("says that the kernel refuses the mount, as in an unprivileged container")
  func noCapability() async throws {
    let text = try await refusal(
      "exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin -- ./program mount -f --read-only mnt")
    #expect(text.contains("the kernel refuses the mount"), "\(text)")
  }
}

/// A text that one task sets and another reads afterwards.
private final class LockedText: Sendable {
  private let lock = Mutex<String>("")
  var value: String { lock.withLock { $0 } }
  func set(_ text: String) { lock.withLock { $0 = text } }
}
