import ResticTestSupport
import SystemPackage
import Testing

// M2 Where the process's own memory is limited, a mount makes do with what there is, refuses to begin, or refuses writes.
@Suite("A mount with little memory", .timeLimit(.minutes(30)))
struct MemoryLimitTests {
  /// Writes 300 MB: ten files at once, of 30 pieces each, with syncs meanwhile. A writer hears of no other error than ENOMEM
  /// and ENOSPC. Says how many pieces of each file were taken.
  private static let write = """
    taken = [0] * 10
    def write(number):
        data = random.Random(number).randbytes(1 << 20)
        try:
            with open("file%d" % number, "wb", buffering=0) as file:
                for piece in range(30):
                    assert file.write(bytes([piece]) + data[1:]) == 1 << 20
                    taken[number] += 1
        except OSError as error:
            if error.errno not in (errno.ENOMEM, errno.ENOSPC): taken[number] = -1000
    writers = [threading.Thread(target=write, args=(number,)) for number in range(10)]
    for writer in writers: writer.start()
    for _ in range(4): os.system("sync .")
    for writer in writers: writer.join()
    print(*taken)
    """

  private static let compare = """
    for number in range(10):
        data = random.Random(number).randbytes(1 << 20)
        with open("file%d" % number, "rb") as file:
            for piece in range(int(sys.argv[number + 1])):
                equal(file.read(1 << 20) == bytes([piece]) + data[1:], True, (number, piece))
    """

  @Test(
    "saves 300 MB or fails writes with ENOMEM, and saves everything that it has accepted",
    arguments: ["-v 350000", "-v 450000", "-v 600000", "-v 1000000", "-d 300000", "-d 450000"])
  func limited(_ limit: String) async throws {
    try await MountedRepository.with { vault in
      try await vault.shell("ulimit \(limit); \(vault.program) mount --no-git-init --log-file \(vault.log) $M", in: "/")
      let process = try await vault.status().pid
      let taken = try await vault.python(Self.write).split(separator: " ").map(String.init)
      try await vault.gitfs(["sync", vault.mountpoint.string])
      #expect(try await vault.status().pid == process)
      #expect(taken.count == 10 && taken.allSatisfy { !$0.hasPrefix("-") } && taken.contains { $0 != "0" })
      try await vault.python(Self.compare, taken)
      try await vault.unmount()
      try await vault.mount(["--no-git-init"])
      try await vault.python(Self.compare, taken)
      try await vault.unmount()
    }
  }

  @Test("is refused if the limits leave too little memory for any work", arguments: ["-v 200000", "-d 150000"])
  func refused(_ limit: String) async throws {
    try await MountedRepository.with { vault in
      let result = try await vault.result(
        "/bin/bash", ["-c", "ulimit \(limit); exec \(vault.program) mount \(vault.mountpoint)"], in: "/")
      #expect(result.status == .exited(1))
      #expect(result.errorOutput.contains("ulimit"), "\(result.errorOutput)")
      #expect(vault.mounts().isEmpty)
    }
  }
}
