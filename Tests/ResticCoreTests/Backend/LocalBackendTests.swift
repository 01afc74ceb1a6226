import Glibc
import Logging
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("LocalBackend")
struct LocalBackendTests {
  private let directory: TemporaryDirectory
  private let root: FilePath
  private let backend: LocalBackend

  init() throws {
    directory = try TemporaryDirectory()
    root = directory.path.appending("vault")
    backend = LocalBackend(path: root)
  }

  @Test("LocalBackend keeps every rule of Backend")
  func conformance() async {
    let conformance = BackendConformance(backend) { [root] type, name in
      let paths = LocalPaths(root: root)
      let folder = type == .data ? root.appending("data/ab") : paths.folders(of: type)[0]
      try Self.write([1], to: folder.appending(name))
    }
    #expect(await conformance.violations() == [])
  }

  @Test("listings count as immediate on a disk of this machine, and not on an unknown file system")
  func immediateListings() async throws {
    #expect(await !backend.listingsAreImmediate(of: .lock))
    try await backend.create()
    for type in BackendFileType.allCases { #expect(await backend.listingsAreImmediate(of: type)) }
    let locks = root.appending("locks").string
    #expect(rmdir(locks) == 0)
    #expect(symlink("/proc/self/task", locks) == 0)
    #expect(await !backend.listingsAreImmediate(of: .lock))
    #expect(await backend.listingsAreImmediate(of: .snapshot))
  }

  @Test(
    "a listing asks only for sizes that the caller does not know, through all decorators, and omits vanished files"
  )
  func knownSizes() async throws {
    try await backend.create()
    let files = try ["1a", "2b", "3c"].map { try file(.snapshot, $0) }
    for file in files.prefix(2) { try await backend.save(file, [1, 2, 3]) }
    let outermost = MeteredBackend(
      RetryingBackend(LimitedBackend(backend), logger: Logger(label: "test")), traffic: TrafficCounter())
    for backend in [backend as any Backend, outermost] {
      let entries = try await backend.list(.snapshot, knowing: [files[0].name: 77, files[2].name: 5])
      #expect(
        Set(entries) == [BackendEntry(file: files[0], byteCount: 77), BackendEntry(file: files[1], byteCount: 3)])
    }
  }

  @Test("the layout is restic's: 256 data folders, modes 0400 and 0700")
  func layout() async throws {
    try await backend.create()
    let pack = try file(.data, "1a")
    try await backend.save(.config, [1])
    try await backend.save(pack, [2])
    for folder in ["", "data", "data/00", "data/ff", "index", "keys", "locks", "snapshots"] {
      #expect(try mode(root.appending(folder)) == 0o40700)
    }
    #expect(try mode(root.appending("config")) == 0o100400)
    #expect(try mode(root.appending("data/1a").appending(pack.name)) == 0o100400)
    #expect(try names(root.appending("data/1a")) == [pack.name])
    #expect(try names(root.appending("data")).count == 256)
  }

  @Test("create makes the folders of restic init with the same modes, and lists restic's files")
  func resticInit() async throws {
    let theirs = LocalBackend(path: directory.path.appending("restic"))
    let runner = ProcessRunner(environment: ["RESTIC_PASSWORD": "secret"])
    try await runner.check("restic", ["init", "--quiet", "--no-cache", "--repo", theirs.path.string])
    try await backend.create()
    let folders = ["-type", "d", "-printf", "%m %P\n"]
    let ours = try await runner.check("find", [root.string] + folders).output.split(separator: "\n")
    let expected = try await runner.check("find", [theirs.path.string] + folders).output.split(separator: "\n")
    #expect(ours.sorted() == expected.sorted())
    #expect(try await theirs.list(.config).map(\.file) == [.config])
    let key = try #require(try await theirs.list(.key).first)
    #expect(try await theirs.load(key.file).byteCount == key.byteCount)
    #expect(try mode(theirs.path.appending("config")) == 0o100400)
  }

  @Test("new files are readable by the group if the config file is")
  func sharedModes() async throws {
    try await backend.create()
    try await backend.save(.config, [1])
    #expect(chmod(root.appending("config").string, 0o440) == 0)
    let snapshot = try file(.snapshot, "1a")
    try await backend.save(snapshot, [2])
    #expect(try mode(root.appending("snapshots").appending(snapshot.name)) == 0o100440)
  }

  @Test("create makes missing parent folders, and leaves existing files unchanged")
  func createNested() async throws {
    let deep = LocalBackend(path: directory.path.appending("a/b/c"))
    try await deep.create()
    try await deep.save(.config, [1, 2])
    try await deep.create()
    #expect(try await deep.load(.config).array == [1, 2])
  }

  @Test("every call on a missing repository throws .missing")
  func missingRepository() async throws {
    let missing = BackendError.missing("there is no folder \(root.string) (is its disk mounted?)")
    let pack = try file(.data, "1a")
    for type in BackendFileType.allCases {
      await #expect(throws: missing) { try await backend.list(type) }
    }
    await #expect(throws: missing) { try await backend.load(pack) }
    await #expect(throws: missing) { try await backend.byteCount(of: .config) }
    await #expect(throws: missing) { try await backend.save(pack, [1]) }
    await #expect(throws: missing) { try await backend.remove(pack) }
    await #expect(throws: missing) { try await backend.capacity() }
    #expect(try names(directory.path) == [])
  }

  @Test("nothing is written into the empty mountpoint of an unmounted disk")
  func unmountedDisk() async throws {
    #expect(mkdir(root.string, 0o700) == 0)
    let pack = try file(.data, "1a")
    await #expect(throws: BackendError.missing("\(root.string) holds no restic repository (is its disk mounted?)")) {
      try await backend.save(pack, [1])
    }
    #expect(try names(root) == [])
  }

  @Test("folders that a copy omitted count as empty, and are created when they are needed")
  func missingFolders() async throws {
    try await backend.create()
    try await backend.save(.config, [1])
    try await expectFoldersMade(by: backend, in: root)
  }

  @Test("a pack in the wrong subfolder, a folder with a file's name, and a fifo do not count as files")
  func strangers() async throws {
    try await backend.create()
    let pack = try file(.data, "1a")
    try Self.write([1], to: root.appending("data/1b").appending(pack.name))
    let snapshot = try file(.snapshot, "2a")
    #expect(mkdir(root.appending("snapshots").appending(snapshot.name).string, 0o700) == 0)
    let key = try file(.key, "3a")
    #expect(mkfifo(root.appending("keys").appending(key.name).string, 0o600) == 0)
    #expect(try await backend.list(.data) == [])
    #expect(try await backend.list(.snapshot) == [])
    #expect(try await backend.list(.key) == [])
    await #expect(throws: BackendError.notFound(pack)) { try await backend.load(pack) }
    await #expect(throws: BackendError.self) { try await backend.load(snapshot) }
    // Opening a fifo without a writer must not hang.
    let fifo = BackendError.irregular(key, kind: "a fifo")
    await #expect(throws: fifo) { try await backend.load(key) }
    await #expect(throws: fifo) { try await backend.load(key, range: 0..<1) }
    await #expect(throws: fifo) { try await backend.byteCount(of: key) }
    await #expect(throws: fifo) { try await backend.save(key, [1]) }
  }

  // R12 A file is a plain file, which no link leads to.
  @Test("a link does not count as a file, and its target stays unchanged; a link to a folder counts as a folder")
  func links() async throws {
    try await backend.create()
    let outside = directory.path.appending("outside")
    try Self.write([1, 2, 3], to: outside)
    #expect(chmod(outside.string, 0o640) == 0)
    for type in BackendFileType.allCases {
      let file = type == .config ? .config : try file(type, "4a")
      let path = backend.paths.path(of: file)
      #expect(symlink(outside.string, path.string) == 0)
      let link = BackendError.irregular(file, kind: "a symbolic link")
      #expect(try await backend.list(type) == [])
      await #expect(throws: link) { try await backend.load(file) }
      await #expect(throws: link) { try await backend.load(file, range: 0..<1) }
      await #expect(throws: link) { try await backend.byteCount(of: file) }
      await #expect(throws: link) { try await backend.save(file, [1, 2, 3]) }
      try await backend.remove(file)
      #expect(try await backend.list(type) == [])
    }
    var status = stat()
    #expect(lstat(outside.string, &status) == 0 && status.st_mode & 0o777 == 0o640, "no mode was changed")

    let moved = directory.path.appending("moved")
    let data = root.appending("data")
    #expect(rename(data.string, moved.string) == 0 && symlink(moved.string, data.string) == 0)
    let alias = directory.path.appending("alias")
    #expect(symlink(root.string, alias.string) == 0)
    let pack = try file(.data, "5a")
    let linked = LocalBackend(path: alias)
    try await linked.save(pack, [5])
    #expect(try await linked.load(pack).array == [5])
    #expect(try await linked.list(.data).map(\.file) == [pack])
  }

  @Test("a file of a tebibyte is refused, whatever its type, and never compared byte by byte")
  func hugeFiles() async throws {
    try await backend.create()
    let byteCount = 1 << 40
    for type in BackendFileType.allCases {
      let file = type == .config ? .config : try file(type, "6a")
      let path = backend.paths.path(of: file)
      try Self.write([], to: path)
      try #require(truncate(path.string, byteCount) == 0)
      await #expect(throws: BackendError.tooLarge(file, byteCount: byteCount)) { try await backend.load(file) }
      #expect(try await backend.load(file, range: byteCount - 2..<byteCount).array == [0, 0])
      #expect(try await backend.byteCount(of: file) == byteCount)
      await #expect(throws: BackendError.alreadyExists(file)) { try await backend.save(file, [0, 0, 0]) }
      try await backend.remove(file)
    }
  }

  @Test("a relative path keeps its place when the process changes its directory")
  func relativePath() {
    let relative = LocalBackend(path: "some/vault")
    #expect(relative.path.isAbsolute)
    #expect(relative.description.hasSuffix("/some/vault"))
  }

  @Test(
    "large files arrive complete, wherever their bytes begin and end in memory",
    arguments: [8 << 20, 8 << 20 + 1, 16 << 20 - 1, 16 << 20 + 4097, 33 << 20])
  func large(byteCount: Int) async throws {
    try await backend.create()
    let bytes = PooledBytes(capacity: byteCount)
    bytes.append(upTo: byteCount) { memory in
      for word in 0..<byteCount / 8 {
        memory.storeBytes(of: UInt64(word) &* 0x9E37_79B9_7F4A_7C15, toByteOffset: 8 * word, as: UInt64.self)
      }
      memory[byteCount - 1] = 0xAB
      return byteCount
    }
    let pack = try file(.data, "1a")
    try await backend.save(pack, bytes)
    #expect(try await backend.load(pack, range: 0..<byteCount).array.fingerprint == bytes.array.fingerprint)
    let end = try await backend.load(pack, range: byteCount - 5000..<byteCount)
    #expect(end.array.fingerprint == bytes.array.suffix(5000).fingerprint)
    // An existing file is compared, and not written again.
    try await backend.save(pack, bytes)
    #expect(try names(root.appending("data/1a")) == [pack.name])
  }

  @Test("a full disk is .noSpace, and no part of the file stays", .enabled(if: getuid() == 0, "mounting needs root"))
  func fullDisk() async throws {
    try await onTmpfs("size=1m") { mountpoint in
      let backend = LocalBackend(path: mountpoint)
      try await backend.create()
      let pack = try file(.data, "1a")
      for byteCount in [4 << 20, 16 << 20] {
        let error = await #expect(throws: BackendError.self) {
          try await backend.save(pack, [UInt8](repeating: 1, count: byteCount))
        }
        guard case .noSpace(let message) = error else {
          Issue.record("got \(String(describing: error))")
          return
        }
        #expect(message.contains(mountpoint.string) && message.contains("No space left"))
        #expect(try names(mountpoint.appending("data/1a")) == [])
      }
      try await backend.save(pack, [1])
      #expect(try await backend.load(pack).array == [1])
    }
  }

  @Test("a read-only medium is .denied", .enabled(if: getuid() == 0, "mounting needs root"))
  func readOnly() async throws {
    try await onTmpfs("size=8m") { mountpoint in
      let backend = LocalBackend(path: mountpoint)
      try await backend.create()
      let pack = try file(.data, "1a")
      try await backend.save(pack, [1])
      try await ProcessRunner().check("mount", ["-o", "remount,ro", mountpoint.string])
      for call in [
        { try await backend.save(pack, [1]) }, { try await backend.remove(pack) },
        { try await LocalBackend(path: mountpoint.appending("new")).create() },
      ] as [() async throws -> Void] {
        let error = await #expect(throws: BackendError.self) { try await call() }
        guard case .denied = error else {
          Issue.record("got \(String(describing: error))")
          continue
        }
      }
      #expect(try await backend.load(pack).array == [1])
    }
  }

  @Test(
    "hanging calls do not block Swift's own threads, and no more calls than allowed run at the same time",
    .timeLimit(.minutes(30)))
  func poolStaysFree() async throws {
    let executor = BlockingExecutor(threadCount: 20)
    let pipe = try FileDescriptor.pipe()
    let running = RunningCount()
    try await withThrowingTaskGroup(of: Void.self) { group in
      // Whatever happens: the threads end with the pipe.
      defer { #expect(throws: Never.self) { try pipe.writeEnd.close() } }
      for _ in 0..<64 {
        group.addTask {
          await executor.run {
            running.enter()
            var byte: UInt8 = 0
            _ = Glibc.read(pipe.readEnd.rawValue, &byte, 1)  // Hangs until the other end is closed.
            running.leave()
          }
        }
      }
      try await waitUntil { running.current >= 20 }
      #expect(await Task { 1 + 1 }.value == 2)
    }
    #expect(throws: Never.self) { try pipe.readEnd.close() }
    #expect(running.current == 0 && running.highest == 20)
  }

  @Test("an executor that is released ends its threads")
  func executorEnds() async throws {
    func threadCount() throws -> Int { try names("/proc/self/task").count }
    var executor: BlockingExecutor? = BlockingExecutor(threadCount: 40)
    let running = RunningCount()
    await withTaskGroup { group in
      for _ in 0..<40 {
        group.addTask { [executor] in
          await executor?.run {
            running.enter()
            // If the other threads do not arrive in time, the next expectation fails.
            try? waitBlocking { running.highest == 40 }
            running.leave()
          }
        }
      }
    }
    let before = try threadCount()
    #expect(running.highest == 40 && before >= 40)
    executor = nil
    try await waitUntil { try threadCount() <= before - 30 }
  }

  // MARK: - Tools

  private func file(_ type: BackendFileType, _ prefix: String) throws -> BackendFile {
    try #require(BackendFile(type: type, name: prefix + String(repeating: "0", count: 62)))
  }

  private func mode(_ path: FilePath) throws -> mode_t {
    try SystemCall.status(path).st_mode
  }

  private func names(_ path: FilePath) throws -> [String] {
    var names: [String] = []
    try SystemCall.forEachName(in: path) { name, _ in names.append(String(cString: name)) }
    return names.filter { $0 != "." && $0 != ".." }.sorted()
  }

  private static func write(_ bytes: [UInt8], to path: FilePath) throws {
    let descriptor = try FileDescriptor.open(
      path, .writeOnly, options: .create, permissions: .ownerReadWrite)
    try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
  }

  /// Calls `body` with a mounted tmpfs, and takes it away again.
  private func onTmpfs(_ options: String, _ body: (FilePath) async throws -> Void) async throws {
    let mountpoint = directory.path.appending("tmpfs")
    #expect(mkdir(mountpoint.string, 0o700) == 0)
    try await ProcessRunner().check("mount", ["-t", "tmpfs", "-o", options, "tmpfs", mountpoint.string])
    do {
      try await body(mountpoint)
    } catch {
      try await ProcessRunner().check("umount", [mountpoint.string])
      throw error
    }
    try await ProcessRunner().check("umount", [mountpoint.string])
  }
}
