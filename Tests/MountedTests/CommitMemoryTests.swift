import ResticTestSupport
import SystemPackage
import Testing

// M5 With the standard limit of memory a mount into which 100,000 small files are written takes at most 282 MiB, the commit included.
@Suite("A commit of many files", .timeLimit(.minutes(30)), .enabled(if: SlowTests.areWanted))
struct CommitMemoryTests {
  private static let make = """
    for number in range(100_000):
        if number % 100 == 0: os.mkdir("d%04d" % (number // 100))
        with open("d%04d/f%05d" % (number // 100, number), "wb", buffering=0) as file:
            file.write(b"the content of file %d\\n" % number * 8)
    """

  @Test("needs little more memory than the files' names and attributes")
  func peak() async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-git-init", "--no-maintenance"])
      let process = try await vault.status().pid
      try await vault.python(Self.make)
      try await vault.gitfs(["sync", vault.mountpoint.string])
      let peak = try await vault.shell("awk '/^VmHWM:/ { print $2 }' /proc/\(process)/status", in: "/")
      let kibibytes = try #require(Int(peak), "\(peak)")
      #expect(kibibytes <= 282 << 10)
      try await vault.unmount()
    }
  }
}
