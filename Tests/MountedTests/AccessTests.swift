import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Access to a mount")
struct AccessTests {
  /// Runs a program as a user that nothing belongs to.
  private static let asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"]

  // W1 A mount is the mounting user's alone, nosuid, nodev and noexec; --exec allows programs, --allow-other lets other
  // users in.
  @Test("a mount is nosuid, nodev, noexec and closed to others")
  func closed() async throws {
    try await MountedRepository.mounted { vault in
      let line = try await vault.shell("grep \" $M \" /proc/self/mountinfo", in: "/")
      for word in [
        "nosuid", "nodev", "noexec", "default_permissions", "rw", " - fuse.restic-gitfs restic:\(vault.repository) ",
      ] {
        #expect(line.contains(word))
      }
      #expect(!line.contains("allow_other"))
      try await vault.shell("cp /bin/true program; chmod 755 program")
      #expect(try await vault.result("/bin/sh", ["-c", "./program"], in: vault.mountpoint).status == .exited(126))
    }
  }

  // W1 A mount is the mounting user's alone.
  @Test("another user does not get in", .enabled(if: geteuid() == 0, "only root becomes somebody else"))
  func otherUser() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("chmod 755 $T; chmod 755 .", in: vault.mountpoint)
      let other = try await vault.result("setpriv", Self.asNobody + ["ls", vault.mountpoint.string], in: "/")
      #expect(other.status == .exited(2) && other.errorOutput.contains("Permission denied"), "\(other)")
    }
  }

  // W1 A mount is the mounting user's alone: whoever else unmounts it is told whose it is.
  @Test(
    "another user who unmounts it, saves it or gives it up is told whose it is, and nothing happens",
    .enabled(if: geteuid() == 0, "only root becomes somebody else"))
  func otherUserUnmounts() async throws {
    for options in [[], ["--allow-other"]] {
      try await MountedRepository.mounted(["--no-git-init"] + options) { vault in
        try await vault.shell(
          "chmod 755 $T; chmod 755 .; echo kept > file; cp \(vault.program) $T/program", in: vault.mountpoint)
        for command in [["umount"], ["umount", "--discard", "--force"], ["status"], ["sync"]] {
          // Whoever is let in may look and save.
          if !options.isEmpty, command[0] != "umount" { continue }
          let result = try await vault.result(
            "setpriv", Self.asNobody + ["\(vault.folder)/program"] + command + [vault.mountpoint.string], in: "/")
          #expect(result.status == .exited(1), "\(command) \(result)")
          #expect(result.errorOutput.contains("belongs to root; run this as that user"), "\(result.errorOutput)")
        }
        #expect(vault.isMounted())
        #expect(try await vault.shell("cat file; ls $T/repository/snapshots | wc -l") == "kept\n0")
      }
    }
  }

  // W1 --exec allows programs.
  @Test("--exec lets programs run from the mount")
  func executable() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--exec"]) { vault in
      try await vault.shell("cp /bin/true program; chmod 755 program; ./program")
    }
  }

  // W1 --allow-other lets other users in. W2 New files belong to who makes them.
  @Test(
    "--allow-other admits other users, with their own rights",
    .enabled(if: geteuid() == 0, "only root becomes somebody else"))
  func opened() async throws {
    try await MountedRepository.mounted(["--no-git-init", "--allow-other"]) { vault in
      try await vault.shell("chmod 755 $T; mkdir open; chmod 1777 open; echo secret > mine; chmod 600 mine")
      try await vault.run(
        "setpriv",
        Self.asNobody + ["/bin/bash", "-euc", "echo theirs > open/theirs; test ! -r mine; ! echo x 2>/dev/null > new"],
        in: vault.mountpoint)
      #expect(try await vault.shell("stat -c %u:%g open/theirs") == "65534:65534")
    }
  }

  // W1 A mount is the mounting user's alone. Nobody needs to be root.
  @Test(
    "an ordinary user mounts, writes and unmounts",
    .enabled(if: geteuid() == 0, "without root every other test shows it"))
  func normalUser() async throws {
    try await MountedRepository.with { vault in
      try await vault.shell("cp \(vault.program) $T/program; chown -R 65534:65534 $T")
      let script = """
        cd "$1"; ./program mount --log-file log mnt
        git init --quiet work; git -C work commit --quiet --allow-empty -m first
        git -C work push --quiet "$1/mnt" main; git clone --quiet mnt copy
        ./program sync mnt; test "$(./program status --json mnt | tr , '\\n' | grep -c clean)" = 1
        echo more > mnt/more; chmod 600 mnt/more; ./program umount mnt
        ./program mount mnt; test "$(cat mnt/more)" = more; test "$(stat -c %u:%g mnt/more)" = 65534:65534; fusermount3 -u mnt
        """
      // Here /dev/fuse may be root's alone; in a mount namespace of its own the test has one as it should be.
      try await vault.run(
        "unshare",
        [
          "--mount", "/bin/bash", "-euc",
          "mknod -m 666 fuse c 10 229; mount --bind fuse /dev/fuse; exec setpriv \(Self.asNobody.joined(separator: " ")) \"$@\"",
          "sh",
          "/bin/bash", "-euc", script, "script", vault.folder.string,
        ], in: vault.folder)
      try await vault.waitForEnd()
    }
  }

  // W3 The root directory's own mode, owner and times are not in a snapshot; it takes no extended attributes.
  @Test("the root's own attributes are not kept")
  func rootDirectory() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.python(
        """
        put("file"); os.chmod(".", 0o700); os.utime(".", ns=(1, 1))
        equal(stat.S_IMODE(os.stat(".").st_mode), 0o700)
        fails("EPERM", os.setxattr, ".", "user.x", b"x"); fails("EPERM", os.setxattr, ".", "user.restic.status", b"x")
        equal(os.listxattr("."), [])
        fails("ENODATA", os.removexattr, ".", "user.x")
        """)
      try await vault.remount()
      #expect(try await vault.shell("stat -c %a .") == "755")
    }
  }
}
