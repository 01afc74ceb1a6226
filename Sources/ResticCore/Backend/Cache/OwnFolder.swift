import Glibc
import SystemPackage

/// An open folder of this user. Its entries are reached without following any link, and only plain files of this user
/// are read.
///
/// All calls block: make them on a `BlockingExecutor`.
struct OwnFolder: ~Copyable {
  private static let folderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW

  private let descriptor: Int32

  /// The folder at `path`. Links above the folder are followed, and with `followsLink` a link to the folder itself.
  /// Throws `.notPermitted` if the folder belongs to another user; root's folders are allowed with `mayBeRoots`.
  init(_ path: FilePath, followsLink: Bool = false, mayBeRoots: Bool = false) throws(Errno) {
    let flags = followsLink ? Self.folderFlags & ~O_NOFOLLOW : Self.folderFlags
    try self.init(checking: try SystemCall.open(path, flags), mayBeRoots: mayBeRoots)
  }

  /// Takes ownership of `descriptor`.
  private init(checking descriptor: Int32, mayBeRoots: Bool = false) throws(Errno) {
    do throws(Errno) {
      let owner = try SystemCall.status(descriptor).st_uid
      guard owner == geteuid() || mayBeRoots && owner == 0 else { throw .notPermitted }
    } catch {
      // The folder was only opened: closing it can lose nothing.
      try? SystemCall.close(descriptor)
      throw error
    }
    self.descriptor = descriptor
  }

  deinit {
    // Only opened: closing it can lose nothing.
    try? SystemCall.close(descriptor)
  }

  // MARK: Folders

  /// The folder `name` in this one.
  func subfolder(_ name: String) throws(Errno) -> OwnFolder {
    try OwnFolder(
      checking: try SystemCall.retrying { openat(descriptor, name, Self.folderFlags | O_CLOEXEC) })
  }

  /// The folder `name` in this one, created if it is missing.
  func madeSubfolder(_ name: String) throws(Errno) -> OwnFolder {
    do throws(Errno) {
      return try subfolder(name)
    } catch .noSuchFileOrDirectory {
      do throws(Errno) {
        _ = try SystemCall.retrying { mkdirat(descriptor, name, 0o700) }
      } catch .fileExists {
        // Another process has created it.
      }
      return try subfolder(name)
    }
  }

  /// Calls `body` with each name in the folder, `.` and `..` included, and its lstat(2) status. Skips entries that
  /// vanish meanwhile.
  func forEachEntry(_ body: (_ name: String, _ status: Glibc.stat) throws(Errno) -> Void) throws(Errno) {
    let listed = try SystemCall.retrying { openat(descriptor, ".", Self.folderFlags | O_CLOEXEC) }
    try SystemCall.forEachName(inOpen: listed) { name, directory throws(Errno) in
      var status = Glibc.stat()
      do throws(Errno) {
        _ = try SystemCall.retrying { fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) }
      } catch .noSuchFileOrDirectory {
        return
      }
      try body(String(cString: name), status)
    }
  }

  /// Calls `body` with each name in the folder, `.` and `..` included.
  func forEachName(_ body: (_ name: String) throws(Errno) -> Void) throws(Errno) {
    let listed = try SystemCall.retrying { openat(descriptor, ".", Self.folderFlags | O_CLOEXEC) }
    try SystemCall.forEachName(inOpen: listed) { name, _ throws(Errno) in try body(String(cString: name)) }
  }

  /// How long `whileLocked` waits for other processes, which hold the lock for some milliseconds.
  private static let lockPatience = Duration.seconds(5)
  private static let lockPollMicroseconds: UInt32 = 5000

  /// Runs `body` while this process holds the folder's lock (flock), which other processes that do the same respect.
  /// Throws `.wouldBlock` if another process keeps the lock. If the file system has no such lock, as some network file
  /// systems, `body` runs without it.
  func whileLocked<Result>(_ body: (borrowing OwnFolder) throws(Errno) -> Result) throws(Errno) -> Result {
    let end = ContinuousClock.now.advanced(by: Self.lockPatience)
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR {
      guard ContinuousClock.now < end else { throw .wouldBlock }
      usleep(Self.lockPollMicroseconds)
    }
    defer { flock(descriptor, LOCK_UN) }
    return try body(self)
  }

  /// Makes the folder `path` and those above it, for their owner only; does nothing if they exist.
  static func make(_ path: FilePath) throws(Errno) {
    guard !SystemCall.isThere(path) else { return }
    let parent = path.removingLastComponent()
    if !parent.isEmpty, parent != path { try make(parent) }
    _ = try SystemCall.makeDirectory(path, mode: 0o700)
  }

  /// Sets the folder's times to now.
  func touch() throws(Errno) {
    _ = try SystemCall.retrying { futimens(descriptor, nil) }
  }

  // MARK: Files

  /// Whether there is an entry called `name`.
  func holds(_ name: String) throws(Errno) -> Bool {
    var status = Glibc.stat()
    do throws(Errno) {
      _ = try SystemCall.retrying { fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) }
      return true
    } catch .noSuchFileOrDirectory {
      return false
    }
  }

  /// Opens the file `name` and calls `body` with the descriptor and the size. Returns nil without calling `body` if
  /// there is no plain file of this user with that name. With `O_CREAT` in `flags`, an empty file is created (0600).
  func withFile<Result>(
    _ name: String, _ flags: Int32 = O_RDONLY, _ body: (_ descriptor: Int32, _ byteCount: Int) throws(Errno) -> Result
  ) throws(Errno) -> Result? {
    let file: Int32
    do throws(Errno) {
      var status = Glibc.stat()
      if flags & O_CREAT == 0 {
        // A device is not even opened.
        _ = try SystemCall.retrying { fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) }
        guard SystemCall.irregularKind(status) == nil else { return nil }
      }
      file = try SystemCall.retrying {
        openat(descriptor, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
      }
    } catch  where [.noSuchFileOrDirectory, .tooManySymbolicLinkLevels, .isDirectory].contains(error) {
      return nil
    }
    // The written data is verified when it is read: an error of close adds nothing.
    defer { try? SystemCall.close(file) }
    let status = try SystemCall.status(file)
    guard SystemCall.irregularKind(status) == nil, status.st_uid == geteuid() else { return nil }
    return try body(file, Int(status.st_size))
  }

  /// The bytes of the file `name` in `range`, or all of them. Nil, without taking memory, if there is no plain file of
  /// this user, if the file ends before the range does, or if it is larger than `limit`.
  func load(_ name: String, range: Range<Int>? = nil, limit: Int) throws(Errno) -> PooledBytes? {
    try withFile(name) { file, byteCount throws(Errno) -> PooledBytes? in
      let range = range ?? 0..<byteCount
      guard range.upperBound <= byteCount, range.count <= limit else { return nil }
      let bytes = PooledBytes(capacity: range.count)
      try bytes.append(upTo: range.count) { buffer throws(Errno) in
        try SystemCall.read(file, into: buffer, at: range.lowerBound)
      }
      // The file may have been truncated meanwhile.
      return bytes.byteCount == range.count ? bytes : nil
    }.flatMap(\.self)
  }

  /// Makes `bytes` the content of the file `name`: a reader finds the old content or all of the new. An existing entry
  /// is replaced, unless it is a folder.
  ///
  /// The new content is first written beside the file, as `tmp-` and a random number, as restic does.
  func save(_ name: String, _ bytes: UnsafeRawBufferPointer, mode: mode_t = 0o600) throws(Errno) {
    let temporary = Self.temporaryPrefix + String(UInt64.random(in: .min ... .max))
    let file = try SystemCall.retrying {
      openat(descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    }
    do throws(Errno) {
      do throws(Errno) {
        try SystemCall.writeAll(file, bytes)
      } catch {
        // The first error is the one to report.
        try? SystemCall.close(file)
        throw error
      }
      try SystemCall.close(file)
      _ = try SystemCall.retrying { renameat(descriptor, temporary, descriptor, name) }
    } catch {
      unlinkat(descriptor, temporary, 0)
      throw error
    }
  }

  /// Removes the file `name`. Returns whether there was one.
  @discardableResult
  func remove(_ name: String) throws(Errno) -> Bool {
    do throws(Errno) {
      _ = try SystemCall.retrying { unlinkat(descriptor, name, 0) }
      return true
    } catch .noSuchFileOrDirectory {
      return false
    }
  }

  /// Removes the folder `name` and everything in it.
  func removeSubfolder(_ name: String) throws(Errno) {
    let folder = try subfolder(name)
    var names: [(name: String, isFolder: Bool)] = []
    try folder.forEachEntry { name, status throws(Errno) in
      if name != ".", name != ".." { names.append((name, status.st_mode & S_IFMT == S_IFDIR)) }
    }
    for (name, isFolder) in names {
      if isFolder { try folder.removeSubfolder(name) } else { try folder.remove(name) }
    }
    _ = try SystemCall.retrying { unlinkat(descriptor, name, AT_REMOVEDIR) }
  }

  /// The prefix of the names of files that are still being written.
  static let temporaryPrefix = "tmp-"
}
