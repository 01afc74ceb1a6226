import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Mounts of mount(8) and of service managers")
struct BootTests {
  /// Makes `$T/sbin` with the names by which mount(8) and umount(8) start the program.
  private func makeNames(_ vault: MountedRepository) async throws {
    try await vault.shell(
      """
      mkdir $T/sbin
      for name in mount.restic-gitfs umount.fuse.restic-gitfs; do ln -s \(vault.program) $T/sbin/$name; done
      printf '%s' "$RESTIC_PASSWORD" >$T/password
      """, in: "/")
  }

  // A1 mount -t restic-gitfs LOCATION FOLDER -o OPTIONS mounts, and umount FOLDER saves and returns when all is stored.
  @Test("mount(8)'s command line mounts, with the location as the source; umount(8)'s saves, and waits for the save")
  func fstab() async throws {
    try await MountedRepository.with { vault in
      try await makeNames(vault)
      try await vault.shell(
        """
        unset RESTIC_PASSWORD
        location=$RESTIC_REPOSITORY; unset RESTIC_REPOSITORY
        not $T/sbin/mount.restic-gitfs "$location" $M -o rw 2>$T/refused </dev/null
        $T/sbin/mount.restic-gitfs "$location" $M -n -o rw,user=anna,_netdev,nofail,x-systemd.automount,quiet,password-file=$T/password
        grep -F "$location $M fuse.restic-gitfs " /proc/self/mounts >/dev/null
        echo saved >$M/file
        $T/sbin/umount.fuse.restic-gitfs $M
        """, in: "/")
      #expect(!vault.isMounted())
      #expect(try vault.stored("snapshots").count == 1 && vault.stateFiles().isEmpty)
      try await vault.shell(
        "$T/sbin/mount.restic-gitfs -f none $M -o rw; not $T/sbin/umount.fuse.restic-gitfs $M", in: "/")
    }
  }

  // A2 A password is in no argument of a process: one among the options is refused.
  @Test("a password among the options is refused, and mounts nothing")
  func password() async throws {
    try await MountedRepository.with { vault in
      try await makeNames(vault)
      let refused = try await vault.result(
        "/bin/sh", ["-c", "exec \(vault.path("sbin/mount.restic-gitfs")) none \(vault.mountpoint) -o password=geheim"])
      #expect(refused.status == .exited(1) && refused.errorOutput.contains("password-file=FILE"), "\(refused)")
      #expect(!refused.errorOutput.contains("geheim") && !vault.isMounted())
    }
  }

  // A3 umount takes away what cannot be asked to save: a mount whose process has died.
  @Test("umount(8) removes a dead mount; a lazy umount does not wait")
  func dead() async throws {
    try await MountedRepository.mounted { vault in
      try await makeNames(vault)
      try await vault.shell("echo lost >file")
      try await vault.settle()
      let process = try await vault.status().pid
      try await vault.shell("kill -KILL \(process)", in: "/")
      try await vault.waitForEnd()
      try await vault.shell("$T/sbin/umount.fuse.restic-gitfs $M", in: "/")
      #expect(!vault.isMounted())
      try await vault.mount(["--no-git-init"])
      try await vault.shell(
        "exec 3>$M/open; echo more >&3; $T/sbin/umount.fuse.restic-gitfs -l $M; not mountpoint -q $M", in: "/")
      try await vault.waitForEnd()
      #expect(try vault.stored("snapshots").count == 1)
    }
  }

  /// A service manager: starts the program with NOTIFY_SOCKET, an abstract name or a file, and prints the notifications.
  private static let manager = """
    import select
    address = sys.argv[1]
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind("\\0" + address[1:] if address[0] == "@" else address)
    child = subprocess.Popen(sys.argv[2:], env=dict(os.environ, NOTIFY_SOCKET=address), cwd="/")
    told = []
    def until(word, limit=120):
        end = time.time() + limit
        while not any(line.startswith(word) for line in told):
            assert time.time() < end and child.poll() is None, (word, told, child.poll())
            if select.select([server], [], [], 1)[0]:
                told.extend(server.recv(65536).decode().split("\\n"))
    until("READY=1")
    assert any(line.startswith("STATUS=serving ") for line in told), told
    assert os.path.ismount(sys.argv[-1])
    put(sys.argv[-1] + "/file", os.urandom(1 << 20))
    child.send_signal(signal.SIGTERM)
    until("STOPPING=1")
    assert child.wait(120) == 0
    while select.select([server], [], [], 0)[0]:
        told.extend(server.recv(65536).decode().split("\\n"))
    assert any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in told), told
    assert not os.path.ismount(sys.argv[-1])
    print("\\n".join(told))
    """

  // A4 With --foreground a service manager is told when the mount can be used, and is asked for time while the last save goes on.
  @Test("a service manager is notified of the start and of the end", arguments: ["@restic-gitfs-test-", "file"])
  func notices(kind: String) async throws {
    try await MountedRepository.with { vault in
      let address = kind == "file" ? vault.path("notify").string : "\(kind)\(vault.folder.lastComponent?.string ?? "")"
      let told = try await vault.python(
        Self.manager, [address, vault.program.string, "mount", "--foreground", vault.mountpoint.string],
        in: vault.path("python"))
      #expect(told.contains("STATUS=saving \(vault.mountpoint)"), "\(told)")
      #expect(try vault.stored("snapshots").count == 1)
    }
  }

  // A4 […] a last save that fails is tried again until the manager's time is up.
  @Test("a service that is stopped while its storage is unreachable saves as soon as the storage is back, and ends")
  func retry() async throws {
    try await MountedRepository.with(storage: .local) { vault in
      try await vault.python(
        """
        import select
        address, repository, away = sys.argv[1], sys.argv[2], sys.argv[2] + ".away"
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        server.bind(address)
        child = subprocess.Popen(sys.argv[3:], env=dict(os.environ, NOTIFY_SOCKET=address), cwd="/")
        told = []
        def until(word, limit=120):
            end = time.time() + limit
            while not any(word in line for line in told):
                assert time.time() < end and child.poll() is None, (word, told, child.poll())
                if select.select([server], [], [], 1)[0]:
                    told.extend(server.recv(65536).decode().split("\\n"))
        until("READY=1")
        put(sys.argv[-1] + "/file", b"kept")
        # A lock file on its way would stay behind.
        while not json.loads(os.getxattr(sys.argv[-1], "user.restic.status")).get("lock"): time.sleep(0.01)
        os.rename(repository, away)
        child.send_signal(signal.SIGTERM)
        until("the last commit failed")
        os.rename(away, repository)
        assert child.wait(240) == 0
        assert not os.path.ismount(sys.argv[-1])
        """,
        [
          vault.path("notify").string, vault.repository.string, vault.program.string, "mount", "--foreground",
          vault.mountpoint.string,
        ], in: vault.path("python"))
      #expect(try vault.stored("snapshots").count == 1)
      #expect(try await vault.dump("/file") == "kept")
    }
  }

  @Test("a mount in the background sends no notification: its process is not the one that the manager started")
  func background() async throws {
    try await MountedRepository.with { vault in
      try await vault.python(
        """
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        server.bind(sys.argv[1])
        server.setblocking(False)
        subprocess.run(sys.argv[2:], env=dict(os.environ, NOTIFY_SOCKET=sys.argv[1]), check=True, cwd="/")
        try:
            raise AssertionError(server.recv(65536))
        except BlockingIOError:
            pass
        """, [vault.path("notify").string, vault.program.string, "mount", vault.mountpoint.string],
        in: vault.path("python"))
      try await vault.unmount()
    }
  }
}
