import Glibc
import ResticTestSupport
import SystemPackage
import Testing

// M3 Files and directories that nobody needs are let go.
@Suite("A mount of many files", .timeLimit(.minutes(30)))
struct ManyFilesTests {
  private static let fileCount = 40_000
  /// What `--memory-limit 64M` has room for, the 128 directories that were loaded last, and what is under way.
  private static let inodeLimit = 24_576 + 128 * 20 + 3_000

  private static let make = """
    for number in range(40_000):
        if number < 2_000: os.mkdir("d%04d" % number)
        with open("d%04d/f%05d" % (number % 2_000, number), "wb") as file: file.write(b"x")
    """

  private static let walk = """
    for round in range(2):
        count = 0
        for directory in os.scandir("."):
            for entry in os.scandir(directory.path):
                equal(entry.stat().st_size, 1)
                count += 1
        equal(count, 40_000)
    """

  /// Whether the kernel can be asked to forget what it does not use: Linux 6.18 and later.
  private static var canPrune: Bool {
    var names = utsname()
    guard uname(&names) == 0 else { return false }
    let release = withUnsafeBytes(of: names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    return !numbers.lexicographicallyPrecedes([6, 18])
  }

  @Test(
    "shows all files and keeps few in memory, writable and read-only",
    arguments: [[], ["--read-only"]])
  func walked(_ options: [String]) async throws {
    try await MountedRepository.with { vault in
      try await vault.mount(["--no-git-init", "--memory-limit", "64M"])
      try await vault.python(Self.make)
      try await vault.unmount()
      try await vault.mount(["--no-git-init", "--memory-limit", "64M"] + options)
      try await vault.python(Self.walk)
      if Self.canPrune { #expect(try await vault.status().inodes ?? .max < Self.inodeLimit) }
      // Reading changes nothing, and an evicted inode is loaded again for a change.
      if options.isEmpty {
        try await vault.shell("echo more >> d0007/f00007; mv d0008/f00008 d0009/moved; rm d0010/f00010")
      }
      #expect(try await vault.unmount().changed == options.isEmpty)
      try await vault.mount(["--no-git-init"])
      let count = options.isEmpty ? Self.fileCount - 1 : Self.fileCount
      #expect(try await vault.shell("find . -type f | wc -l") == "\(count)")
      try await vault.unmount()
    }
  }
}
