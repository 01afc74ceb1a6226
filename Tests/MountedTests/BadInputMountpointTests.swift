import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@Suite("A mountpoint that cannot be used")
struct BadInputMountpointTests {
  @Test("missing, a file, a dangling link, not empty: refused before the program asks for a password")
  func unusable() async throws {
    try await MountedRepository.with { vault in
      try await vault.shell("touch file; ln -s nowhere link; mkdir full; touch full/.hidden", in: vault.directory.path)
      let cases: [(name: String, words: String)] = [
        ("missing", "does not exist"), ("link", "does not exist"), ("missing/deeper", "does not exist"),
        ("file", "is not a folder"), ("file/deeper", "is not a folder"), ("full", "is not empty"),
        (String(repeating: "x", count: 300), "cannot be used"),
      ]
      for (name, words) in cases {
        try await vault.expectRefusal(
          ["mount", vault.path(name).string], code: 1, saying: words, environment: ["RESTIC_PASSWORD": String?.none])
      }
      try await vault.expectRefusal(["mount", ""], code: 1, saying: "the mountpoint is empty")
      #expect(!FileManager.default.fileExists(atPath: vault.path("missing").string))
    }
  }

  @Test("inside the repository, the repository itself, or around it")
  func nested() async throws {
    try await MountedRepository.with { vault in
      try await vault.shell("ln -s repository/index link", in: vault.directory.path)
      for name in ["repository", "repository/snapshots", "repository/data/00", "link"] {
        try await vault.expectRefusal(["mount", vault.path(name).string], code: 1, saying: "lies in the repository")
      }
      for around in [vault.directory.path.string, "/", "."] {
        try await vault.expectRefusal(["mount", around], code: 1, saying: "lies in the mountpoint")
      }
    }
  }

  @Test("mounted already: refused, and the existing mount goes on")
  func mounted() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.shell("echo unsaved > file")
      try await vault.wait(for: "the lock") { try !vault.stored("locks").isEmpty }
      let again = vault.mountpoint.string
      try await vault.expectRefusal(["mount", again], code: 1, saying: "mount already", "umount \(again)")
      // Neither within it, nor over the folder that it is in.
      try await vault.shell("mkdir inside")
      try await vault.expectRefusal(["mount", vault.directory.path.string], code: 1, saying: "lies in the mountpoint")
      #expect(try await vault.shell("cat file") == "unsaved")
      #expect(try await vault.status().state == "dirty")
    }
  }

  @Test("not a mount of this program: umount, sync and status refuse it")
  func notOurs() async throws {
    try await MountedRepository.with { vault in
      for command in ["umount", "sync", "status"] {
        for path in ["/", "/proc", vault.mountpoint.string, vault.path("missing").string, ""] {
          try await vault.expectRefusal([command, path], code: 1, saying: "is not a restic-gitfs mount")
        }
      }
    }
  }

  @Test(
    "without a FUSE device: the error says so, and nothing is left behind",
    .enabled(if: geteuid() == 0, "mounting needs root")
  )
  func noDevice() async throws {
    try await MountedRepository.with { vault in
      // A mount namespace of its own whose /dev has nothing but null.
      let script = "mount -t tmpfs none /dev && mknod /dev/null c 1 3 && \"$0\" mount \"$1\""
      let result = try await vault.result(
        "unshare", ["-m", "/bin/sh", "-c", script, vault.program.string, vault.mountpoint.string])
      #expect(result.status == .exited(1), "\(result.errorOutput)")
      // libfuse prints a line of its own before the program's.
      let lines = result.errorOutput.split(separator: "\n")
      try #require(lines.count == 2 && lines[0].hasPrefix("fuse: "), "\(result.errorOutput)")
      #expect(lines[1].hasPrefix("restic-gitfs: cannot mount at ") && lines[1].contains("/dev/fuse"))
      #expect(try vault.stored("snapshots").isEmpty && vault.stored("locks").isEmpty)
    }
  }

  @Test("with options that FUSE does not know: refused, and the error names the option")
  func options() async throws {
    try await MountedRepository.with { vault in
      for option in ["nonsense", "nonsense=1", "rw,nonsense"] {
        let result = try await vault.result(vault.program.string, ["mount", "-o", option, vault.mountpoint.string])
        #expect(result.status == .exited(1))
        #expect(result.errorOutput.contains("restic-gitfs: libfuse does not accept these mount options: "))
        #expect(result.errorOutput.contains("nonsense"))
        // Only what the user can change.
        for own in ["fsname", "subtype", "nosuid", "default_permissions"] {
          #expect(!result.errorOutput.contains(own), "\(result.errorOutput)")
        }
      }
      for option in ["fsname=x", "subtype=x", "suid", "dev"] {
        try await vault.expectRefusal(["mount", "-o", option, vault.mountpoint.string], code: 1, saying: option)
      }
      #expect(try vault.stored("locks").isEmpty && vault.mounts().isEmpty)
    }
  }
}
