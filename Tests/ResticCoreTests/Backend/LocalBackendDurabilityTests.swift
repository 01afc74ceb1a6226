import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// R8, and rule 1 of `LocalBackend`, by the system calls that it makes: only a power cut could show it otherwise.
@Suite("Files that LocalBackend has saved survive a power cut", .timeLimit(.minutes(30)))
struct LocalBackendDurabilityTests {
  private static let types: [BackendFileType] = [.data, .index, .snapshot, .lock, .key, .config]

  private let directory: TemporaryDirectory
  private let root: FilePath
  private let backend: LocalBackend

  init() async throws {
    directory = try TemporaryDirectory()
    guard let resolved = directory.path.withPlatformString({ realpath($0, nil) }) else { throw Errno(rawValue: errno) }
    defer { free(resolved) }
    root = FilePath(platformString: resolved).appending("vault")
    backend = LocalBackend(path: root)
    try await backend.create()
  }

  private static func file(_ type: BackendFileType) throws -> BackendFile {
    type == .config ? .config : try #require(BackendFile(type: type, name: "1a" + String(repeating: "0", count: 62)))
  }

  /// The folder and the name of a file, as a recorder of `root` has them.
  private func place(of file: BackendFile) -> (folder: String, path: String) {
    let paths = LocalPaths(root: FilePath(""))
    return (paths.folder(of: file).string, paths.path(of: file).string)
  }

  @Test(
    "a new file is durable before it gets its name, and the name is durable before save returns",
    arguments: types, [0, 1, 5 << 20, 16 << 20 + 1])
  func newFile(type: BackendFileType, byteCount: Int) async throws {
    let file = try Self.file(type)
    let (folder, path) = place(of: file)
    let calls = try await FileCallRecorder.record(in: root) {
      try await backend.save(file, [UInt8](repeating: 7, count: byteCount))
    }
    #expect(
      calls == [
        .synchronizeFile("\(path)-tmp", byteCount: byteCount), .link("\(path)-tmp", to: path),
        .synchronizeFolder(folder),
      ])
  }

  @Test("an existing identical file and its name are made durable", arguments: types)
  func identicalFile(type: BackendFileType) async throws {
    let file = try Self.file(type)
    let (folder, path) = place(of: file)
    try await backend.save(file, [1, 2, 3])
    let calls = try await FileCallRecorder.record(in: root) { try await backend.save(file, [1, 2, 3]) }
    #expect(
      calls == [
        .synchronizeFile("\(path)-tmp", byteCount: 3), .link("\(path)-tmp", to: path),
        .synchronizeFile(path, byteCount: 3), .synchronizeFolder(folder),
      ])
  }

  @Test("the order is the same on a file system without hard links")
  func withoutHardLinks() async throws {
    let file = try Self.file(.data)
    let (folder, path) = place(of: file)
    let calls = try await FileCallRecorder.record(
      in: root,
      fault: { call in
        if case .link = call { .notPermitted } else { nil }
      },
      { try await backend.save(file, [1, 2, 3]) })
    #expect(
      calls == [
        .synchronizeFile("\(path)-tmp", byteCount: 3), .link("\(path)-tmp", to: path),
        .rename("\(path)-tmp", to: path), .synchronizeFolder(folder),
      ])
    #expect(try await backend.load(file).array == [1, 2, 3])
  }

  @Test("a file that cannot be made durable is not saved, and gets no name")
  func failingFile() async throws {
    let file = try Self.file(.data)
    let (_, path) = place(of: file)
    await #expect(throws: BackendError.self) {
      _ = try await FileCallRecorder.record(
        in: root, fault: { $0 == .synchronizeFile("\(path)-tmp", byteCount: 3) ? .ioError : nil },
        { try await backend.save(file, [1, 2, 3]) })
    }
    #expect(try await backend.list(.data) == [])
    var names: [String] = []
    try SystemCall.forEachName(in: root.appending("data/1a")) { name, _ in names.append(String(cString: name)) }
    #expect(Set(names) == [".", ".."])
  }

  @Test("a name, or an existing identical file, that cannot be made durable is an error", arguments: [true, false])
  func failingName(isThere: Bool) async throws {
    let file = try Self.file(.data)
    let (folder, path) = place(of: file)
    if isThere { try await backend.save(file, [1, 2, 3]) }
    let failing: FileCall = isThere ? .synchronizeFile(path, byteCount: 3) : .synchronizeFolder(folder)
    await #expect(throws: BackendError.self) {
      _ = try await FileCallRecorder.record(
        in: root, fault: { $0 == failing ? .ioError : nil }, { try await backend.save(file, [1, 2, 3]) })
    }
    // A file that a power cut may take away does not look like one that was saved.
    #expect(try await backend.list(.data).isEmpty == !isThere)
    // The next save makes up for it.
    let calls = try await FileCallRecorder.record(in: root) { try await backend.save(file, [1, 2, 3]) }
    let last: FileCall = isThere ? .synchronizeFile(path, byteCount: 3) : .link("\(path)-tmp", to: path)
    #expect(calls.suffix(2) == [last, .synchronizeFolder(folder)])
  }

  @Test("folders are durable before create returns, and a folder that is created for a file before save returns")
  func folders() async throws {
    let made = try await FileCallRecorder.record(in: root) {
      try await LocalBackend(path: root.appending("a/b")).create()
    }
    let synchronized: [FileCall] = ["", "a", "a/b", "a/b/data"].map { .synchronizeFolder($0) }
    #expect(made == synchronized)

    let file = try Self.file(.data)
    try await backend.save(.config, [1])
    #expect(rmdir(root.appending("data/1a").string) == 0)
    let calls = try await FileCallRecorder.record(in: root) { try await backend.save(file, [1, 2, 3]) }
    #expect(calls.first == .synchronizeFolder("data"))
    #expect(calls.last == .synchronizeFolder("data/1a"))
  }
}
