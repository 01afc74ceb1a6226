import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

/// Rule 1 of `Backend`: a process that dies leaves whole files or none. Each test kills a process of its own.
@Suite("LocalBackend in a process that is killed")
struct LocalBackendCrashTests {
  @Test("a process that is killed during a write leaves nothing visible")
  func killedWhileWriting() async throws {
    let directory = try TemporaryDirectory()
    let backend = LocalBackend(path: directory.path)
    try await backend.create()
    // The kernel sends SIGXFSZ at the write that would pass the limit: after the first MiB of the temporary file.
    await #expect(processExitsWith: .signal(SIGXFSZ)) { [path = directory.path.string as String] in
      var limit = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
      let executor = BlockingExecutor(threadCount: 1)
      await executor.run {
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
      }
      let backend = LocalBackend(path: FilePath(path), executor: executor)
      try await backend.save(Self.file(1), Self.bytes(of: Self.file(1), 4 << 20))
    }
    #expect(try await backend.list(.data) == [])
    await #expect(throws: BackendError.notFound(Self.file(1))) { try await backend.load(Self.file(1)) }
    // The temporary file is there: the process really died between writing and naming.
    let left = try await ProcessRunner().check("find", [directory.path.string, "-name", "*-tmp-*", "-size", "+1000k"])
    #expect(left.output.contains("\(Self.file(1).name)-tmp-"))
    try await backend.save(Self.file(1), [1])
    #expect(try await backend.load(Self.file(1)).array == [1])
  }

  @Test(
    "a process that is killed at any time leaves complete files only", arguments: [3, 10, 20, 40, 70, 110] as [UInt32])
  func killedAtAnyTime(milliseconds: UInt32) async throws {
    let directory = try TemporaryDirectory()
    let backend = LocalBackend(path: directory.path)
    try await backend.create()
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = directory.path.string as String, milliseconds] in
      let backend = LocalBackend(path: FilePath(path))
      let executor = BlockingExecutor(threadCount: 1)
      try await backend.save(Self.file(0), Self.bytes(of: Self.file(0), 300_000))
      async let death: Void = executor.run {
        _ = usleep(milliseconds * 1000)  // Any moment will do.
        _ = kill(getpid(), SIGKILL)
      }
      for seed in 1..<UInt64.max {
        let file = Self.file(seed)
        try await backend.save(file, Self.bytes(of: file, 300_000))
      }
      await death
    }
    let entries = try await backend.list(.data)
    #expect(entries.contains { $0.file == Self.file(0) })
    for entry in entries {
      #expect(entry.byteCount == 300_000)
      let stored = try await backend.load(entry.file).array
      #expect(stored.fingerprint == Self.bytes(of: entry.file, 300_000).fingerprint)
    }
  }

  private static func file(_ seed: UInt64) -> BackendFile {
    var random = SplitMix64(seed: seed)
    guard let id = PackID(bytes: random.bytes(32)) else { preconditionFailure("an id has 32 bytes") }
    return .pack(id)
  }

  /// Bytes that follow from the name, so that a test can tell whether the file is complete.
  private static func bytes(of file: BackendFile, _ count: Int) -> [UInt8] {
    var random = SplitMix64(seed: UInt64(file.name.prefix(16), radix: 16) ?? 0)
    return random.bytes(count)
  }
}
