import CLinux
import Glibc
public import SystemPackage

/// A repository in a local folder, laid out as restic's "default" layout (`LocalPaths`).
///
/// 1. A file appears whole or not at all: it is written under a temporary name beside its place, made durable, and
///    renamed without replacing; then its folder is made durable.
/// 2. Files are read-only for their owner (0400), and folders are accessible to their owner only (0700). If the config
///    file is readable by its group, new files and folders are too (0440 and 0770), as restic does for shared
///    repositories.
/// 3. System calls run on the executor's threads, never on Swift's pool; those for lock files and the config run on other
///    threads than the rest, so that no refresh waits behind uploads.
/// 4. A missing folder in an existing repository counts as empty, and is made when a file needs it.
/// 5. The repository's folder, and any folder in it, may be a symbolic link, as with restic; a file may not.
/// 6. Files are written through the page cache, except for large packs, which would evict files that are read again.
public struct LocalBackend: Backend {
  let paths: LocalPaths
  private let executor: BlockingExecutor
  private let lockExecutor: BlockingExecutor

  /// The repository in the folder `path`, which need not exist before `create`. A relative path is resolved against the
  /// current working directory now, and stays valid when the process changes directory.
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

  /// The folder's absolute path, as `path`.
  public var description: String { paths.root.string }
  /// False: a disk answers faster than calls could be combined.
  public var isDistant: Bool { false }

  /// Makes the repository's folder and the folders of restic's default layout, all 256 folders of `data` included.
  public func create() async throws(BackendError) {
    try await executor.run { () throws(BackendError) in try createFolders() }
  }

  /// Writes a temporary file, makes it durable and renames it (rule 1). Throws `.missing` if the repository's folder is
  /// gone, `.noSpace` for ENOSPC and EDQUOT.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await executor(for: file.type).run { () throws(BackendError) in try saveNow(file, bytes) }
  }

  /// Reads on a thread of the executor; a range must not begin before the file.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    precondition((range?.lowerBound ?? 0) >= 0, "a range begins in the file")
    return try await executor(for: file.type).run { () throws(BackendError) in try loadNow(file, range: range) }
  }

  /// The size that lstat(2) reports.
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await executor(for: file.type).run { () throws(BackendError) in try byteCountNow(file) }
  }

  /// By the clock of whatever keeps the folder: of a network file system the server's.
  public func writeTime(of file: BackendFile) async throws(BackendError) -> Timestamp? {
    try await executor(for: file.type).run { () throws(BackendError) in
      let time = try statusNow(file).st_mtim
      return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    }
  }

  /// Reads the folder of `type`, for packs also its 256 subfolders. Temporary files and names that are not ids are left
  /// out.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await list(type, knowing: [:])
  }

  /// As `list(_:)`, without `stat` for the files in `byteCounts`: their sizes are the given ones.
  public func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    try await executor(for: type).run { () throws(BackendError) in try listNow(type, knowing: byteCounts) }
  }

  /// Makes the file writable and unlinks it. The folder is not synchronized: a power cut may bring the file back. Throws
  /// `.denied` in a folder in which this user removes nothing, whether the file is there or not.
  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await executor(for: file.type).run { () throws(BackendError) in
      do throws(Errno) {
        // Some network file systems do not remove read-only files; restic does the same. It does not matter whether the
        // mode could be changed: the result of unlink counts. A link is not followed.
        try? SystemCall.setModeOfFile(paths.path(of: file), 0o600)
        try SystemCall.unlink(paths.path(of: file))
      } catch {
        // The system looks for the name before it looks at permissions.
        let isForbidden = error == .noSuchFileOrDirectory && SystemCall.isForbidden(paths.folder(of: file))
        throw failure(isForbidden ? .permissionDenied : error, on: file, "remove")
      }
    }
  }

  /// What statvfs(2) reports for the repository's folder; `availableByteCount` is what an unprivileged user may write.
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

  /// True on a file system that only this machine uses: a network file system may show each client an old state.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await lockExecutor.run {
      paths.folders(of: type).allSatisfy { folder in
        // A missing or unreadable folder does not change the answer.
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
    // Whoever stores a lock reads the config first (`Repository.store`).
    type == .lock || type == .config ? lockExecutor : executor
  }

  private static func currentDirectory() -> FilePath {
    guard let buffer = getcwd(nil, 0) else { return "/" }
    defer { free(buffer) }
    return FilePath(platformString: buffer)
  }
}

// MARK: - Errors

extension LocalBackend {
  /// The backend's error for a failed system call on `file`.
  func failure(_ error: Errno, on file: BackendFile, _ operation: String) -> BackendError {
    if error == .noSuchFileOrDirectory && rootExists() {
      return .notFound(file)
    }
    return failure(error, at: paths.path(of: file), operation)
  }

  /// The backend's error for a failed system call on `path`.
  func failure(_ error: Errno, at path: FilePath, _ operation: String) -> BackendError {
    let message = "\(operation) \(path.string): \(error)"
    switch error {
    case .noSpace, .diskQuotaExceeded: return .noSpace(message)
    case .permissionDenied, .notPermitted, .readOnlyFileSystem:
      return .denied("\(message); check its owner and permissions, or mount it with --read-only")
    case .noSuchFileOrDirectory where !rootExists(), .notDirectory where !rootExists():
      return .missing("there is no folder \(paths.root.string) (is its disk mounted?)")
    case .fileNameTooLong, .tooManySymbolicLinkLevels:
      // Waiting does not help.
      return .missing("no folder can have that name: \(message)")
    default: return .unavailable(message)
    }
  }

  /// Whether the repository's folder exists, as far as this can be found out.
  func rootExists() -> Bool {
    do throws(Errno) {
      return try SystemCall.status(paths.root).st_mode & S_IFMT == S_IFDIR
    } catch {
      return error != .noSuchFileOrDirectory && error != .notDirectory
    }
  }
}
