import CLinux
import Glibc
public import SystemPackage

/// A repository in a local folder, laid out as restic's "default" layout (`LocalPaths`).
///
/// 1. A file appears whole or not at all: it is written under a temporary name beside its place, made durable, and
///    renamed without replacing; then its folder is made durable.
/// 2. Files are read-only for their owner (0400), folders are the owner's (0700); where the config file is readable by
///    its group, so is everything new (0440 and 0770), as restic does for shared repositories.
/// 3. Every system call runs on threads of its own, never on Swift's pool; those for lock files on others than the rest,
///    so that no refresh waits behind uploads.
/// 4. A folder that is missing though the repository exists counts as empty and is made when a file needs it.
/// 5. The repository's folder, and any folder in it, may be a symbolic link, as with restic; a file may not.
/// 6. What is written goes through the page cache, but for large packs, which would only push out what is read again.
public struct LocalBackend: Backend {
  let paths: LocalPaths
  private let executor: BlockingExecutor
  private let lockExecutor: BlockingExecutor

  /// The repository in the folder `path`, which need not exist before `create`. A relative path is taken from where the
  /// process stands now, and stays valid when it moves.
  public init(
    path: FilePath, executor: BlockingExecutor = BlockingExecutor(),
    lockExecutor: BlockingExecutor = BlockingExecutor(threadCount: 2)
  ) {
    paths = LocalPaths(root: path.isAbsolute ? path : Self.currentDirectory().pushing(path))
    self.executor = executor
    self.lockExecutor = lockExecutor
  }

  /// The repository's folder, absolute.
  public var path: FilePath { paths.root }

  public var description: String { paths.root.string }
  public var isDistant: Bool { false }

  public func create() async throws(BackendError) {
    try await executor.run { () throws(BackendError) in try createFolders() }
  }

  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await executor(for: file.type).run { () throws(BackendError) in try saveNow(file, bytes) }
  }

  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    precondition((range?.lowerBound ?? 0) >= 0, "a range begins in the file")
    return try await executor(for: file.type).run { () throws(BackendError) in try loadNow(file, range: range) }
  }

  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await executor(for: file.type).run { () throws(BackendError) in try byteCountNow(file) }
  }

  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await list(type, knowing: [:])
  }

  public func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    try await executor(for: type).run { () throws(BackendError) in try listNow(type, knowing: byteCounts) }
  }

  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await executor(for: file.type).run { () throws(BackendError) in
      do throws(Errno) {
        // Some network file systems keep read-only files from being removed; restic does the same. Whether the mode
        // could be changed does not matter: unlink says what counts. A link is not followed.
        try? SystemCall.setModeOfFile(paths.path(of: file), 0o600)
        try SystemCall.unlink(paths.path(of: file))
      } catch {
        throw failure(error, on: file, "remove")
      }
    }
  }

  public func capacity() async throws(BackendError) -> StorageCapacity? {
    try await executor.run { () throws(BackendError) in
      do throws(Errno) {
        let status = try SystemCall.fileSystemStatus(paths.root)
        let unit = UInt64(status.f_frsize)
        return StorageCapacity(
          totalByteCount: UInt64(status.f_blocks) &* unit, availableByteCount: UInt64(status.f_bavail) &* unit)
      } catch {
        throw failure(error, at: paths.root, "statvfs")
      }
    }
  }

  /// On a file system of this machine's own: a network file system may show each client what it read a while ago.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await lockExecutor.run {
      paths.folders(of: type).allSatisfy { folder in
        // A folder that is missing or can't be asked decides nothing.
        (try? SystemCall.fileSystemType(folder)).map(Self.ownFileSystems.contains) ?? false
      }
    }
  }

  /// The types of file system that only this machine's kernel changes. Source: linux/magic.h; for ZFS, which is not in it,
  /// stat.c of the GNU coreutils.
  private static let ownFileSystems: Set<Int> = [
    Int(BTRFS_SUPER_MAGIC), Int(EXFAT_SUPER_MAGIC), Int(EXT4_SUPER_MAGIC), Int(F2FS_SUPER_MAGIC),
    Int(MSDOS_SUPER_MAGIC), Int(OVERLAYFS_SUPER_MAGIC), Int(TMPFS_MAGIC), Int(XFS_SUPER_MAGIC), 0x2fc1_2fc1,
  ]

  private func executor(for type: BackendFileType) -> BlockingExecutor {
    type == .lock ? lockExecutor : executor
  }

  private static func currentDirectory() -> FilePath {
    guard let buffer = getcwd(nil, 0) else { return "/" }
    defer { free(buffer) }
    return FilePath(platformString: buffer)
  }
}

// MARK: - Errors

extension LocalBackend {
  /// The backend's error for what a system call said about `file`.
  func failure(_ error: Errno, on file: BackendFile, _ operation: String) -> BackendError {
    if error == .noSuchFileOrDirectory && rootExists() {
      return .notFound(file)
    }
    return failure(error, at: paths.path(of: file), operation)
  }

  /// The backend's error for what a system call said about `path`.
  func failure(_ error: Errno, at path: FilePath, _ operation: String) -> BackendError {
    let message = "\(operation) \(path.string): \(error)"
    switch error {
    case .noSpace, .diskQuotaExceeded: return .noSpace(message)
    case .permissionDenied, .notPermitted, .readOnlyFileSystem:
      return .denied("\(message); check whose it is, or mount it with --read-only")
    case .noSuchFileOrDirectory where !rootExists(), .notDirectory where !rootExists():
      return .missing("there is no folder \(paths.root.string) (is its disk mounted?)")
    case .fileNameTooLong, .tooManySymbolicLinkLevels:
      // Time changes nothing about it.
      return .missing("there can be no folder of that name: \(message)")
    default: return .unavailable(message)
    }
  }

  /// Whether the repository's folder is there, as far as one can tell.
  func rootExists() -> Bool {
    do throws(Errno) {
      return try SystemCall.status(paths.root).st_mode & S_IFMT == S_IFDIR
    } catch {
      return error != .noSuchFileOrDirectory && error != .notDirectory
    }
  }
}
