import Glibc
import SystemPackage

/// restic's cache of one repository, which restic and this program use at the same time:
///
///     BASE/CACHEDIR.TAG
///     BASE/REPOSITORY/version                                "1"
///     BASE/REPOSITORY/{data,index,snapshots}/ab/abcd…        files of the repository, byte for byte
///     BASE/REPOSITORY/restic-gitfs-{snapshots,index}         this program's own (`CacheRecord`); restic looks at no such name
///
/// Any part of it may vanish, be truncated or replaced at any moment, by `restic cache --cleanup`, by other processes
/// or by a person. Links are followed up to BASE but not below it, and files of other users are not touched. Nothing is
/// made durable.
///
/// All calls block: make them on a `BlockingExecutor`. Source: restic, internal/backend/cache.
struct CacheFolder: Sendable {
  /// Where the caches of all repositories are.
  let base: FilePath
  private let repository: String

  /// The version of the layout.
  static let version = "1"
  /// The most bytes of the version file; a longer version is unknown.
  private static let versionLimit = 16
  /// Tells backup programs to skip the folder.
  /// Source: https://bford.info/cachedir/
  private static let tag = "Signature: 8a477f597d28d172789f06886806bc55\n"
  /// Writing to a cache takes less than this many seconds; an older temporary file was left behind.
  private static let writingLimit = 3600

  /// The cache of the repository `id` below `base`.
  init(base: FilePath, repository id: ID<Never>) {
    self.base = base
    repository = id.hex
  }

  /// Where the cache is.
  var path: FilePath { base.appending(repository) }

  /// Whether files of this type are ever in a cache.
  static func holds(_ type: BackendFileType) -> Bool { [.data, .index, .snapshot].contains(type) }

  // MARK: The folder

  /// Makes missing folders, and marks the cache as used today. Throws if there can be no cache, or if it is of an
  /// unknown version.
  func prepare() throws(CacheFailure) {
    do throws(Errno) {
      try OwnFolder.make(base)
      let all = try OwnFolder(base, followsLink: true, mayBeRoots: true)
      if try !all.holds(Self.tagName) { try Self.write(Self.tag, as: Self.tagName, in: all) }
      let folder = try all.madeSubfolder(repository)
      let stored = try folder.load(Self.versionName, limit: Self.versionLimit)?.array
      let isMissing = try !folder.holds(Self.versionName)
      // Empty: a process died, or is about to write.
      if isMissing || stored == [] {
        try Self.write(Self.version, as: Self.versionName, in: folder)
      } else if stored != Array(Self.version.utf8) {
        throw Self.otherVersion
      }
      for type in BackendFileType.allCases where Self.holds(type) { _ = try folder.madeSubfolder(type.rawValue) }
      try folder.touch()
    } catch {
      throw CacheFailure(path, error == Self.otherVersion ? nil : error)
    }
  }

  private static let tagName = "CACHEDIR.TAG"
  private static let versionName = "version"
  /// Stands for a cache of another version; no system call used here returns it.
  private static var otherVersion: Errno { .noData }

  private static func write(_ text: String, as name: String, in folder: borrowing OwnFolder) throws(Errno) {
    let bytes = Array(text.utf8)
    try bytes.span.bytes.withUnsafeBytes { bytes throws(Errno) in try folder.save(name, bytes, mode: 0o644) }
  }

  /// The result of `body` for the repository's folder.
  func withFolder<Result>(_ body: (borrowing OwnFolder) throws(Errno) -> Result) throws(Errno) -> Result {
    try body(try OwnFolder(path))
  }

  // MARK: Files

  /// The bytes of a cached `file` in `range`, or all of them, unchecked. Nil if there is no such file, or if it is too
  /// short or too large.
  func load(_ file: BackendFile, range: Range<Int>?) throws(Errno) -> PooledBytes? {
    do throws(Errno) {
      return try withSubfolder(of: file) { folder throws(Errno) in
        try folder.load(file.name, range: range, limit: file.type.wholeByteLimit)
      }
    } catch .noSuchFileOrDirectory {
      return nil
    }
  }

  /// Whether the cache has an entry with the name of `file`.
  func holds(_ file: BackendFile) -> Bool {
    do throws(Errno) {
      return try withSubfolder(of: file) { folder throws(Errno) in try folder.holds(file.name) }
    } catch {
      return false
    }
  }

  /// Puts `file` into the cache. Does nothing if the cache is being removed.
  func save(_ file: BackendFile, _ bytes: PooledBytes) throws(Errno) {
    do throws(Errno) {
      try withFolder { folder throws(Errno) in
        let typeFolder = try folder.madeSubfolder(file.type.rawValue)
        let subfolder = try typeFolder.madeSubfolder(String(file.name.prefix(2)))
        try bytes.withUnsafeBytes { bytes throws(Errno) in try subfolder.save(file.name, bytes) }
      }
    } catch .noSuchFileOrDirectory {
      // restic also removes files that other processes are still writing.
      return
    }
  }

  /// Removes `file` from the cache. Returns whether it was there.
  @discardableResult
  func remove(_ file: BackendFile) throws(Errno) -> Bool {
    do throws(Errno) {
      return try withSubfolder(of: file) { folder throws(Errno) in try folder.remove(file.name) }
    } catch .noSuchFileOrDirectory {
      return false
    }
  }

  /// The names of the cached files of `type`. Removes half-written files.
  func names(of type: BackendFileType) throws(Errno) -> [BackendFile] {
    var files: [BackendFile] = []
    try withFolder { folder throws(Errno) in
      let typeFolder = try folder.subfolder(type.rawValue)
      for name in LocalPaths.dataSubfolders {
        do throws(Errno) {
          let subfolder = try typeFolder.subfolder(name)
          try subfolder.forEachName { name throws(Errno) in
            if let file = BackendFile(type: type, name: name) {
              files.append(file)
            } else if name.hasPrefix(OwnFolder.temporaryPrefix) {
              try Self.removeIfLeftBehind(name, in: subfolder)
            }
          }
        } catch .noSuchFileOrDirectory {
          continue
        }
      }
    }
    return files
  }

  private static func removeIfLeftBehind(_ name: String, in folder: borrowing OwnFolder) throws(Errno) {
    let age = try folder.withFile(name) { descriptor, _ throws(Errno) in
      time(nil) - (try SystemCall.status(descriptor)).st_mtim.tv_sec
    }
    if let age, age > writingLimit { try folder.remove(name) }
  }

  private func withSubfolder<Result>(
    of file: BackendFile, _ body: (borrowing OwnFolder) throws(Errno) -> Result
  ) throws(Errno) -> Result {
    try withFolder { folder throws(Errno) in
      let typeFolder = try folder.subfolder(file.type.rawValue)
      return try body(try typeFolder.subfolder(String(file.name.prefix(2))))
    }
  }
}

/// Why there is no cache.
struct CacheFailure: Error, CustomStringConvertible {
  private let path: FilePath
  private let cause: Errno?

  /// The cache at `path` cannot be used because of `cause`; nil: it has another version.
  init(_ path: FilePath, _ cause: Errno?) {
    self.path = path
    self.cause = cause
  }

  var description: String {
    guard let cause else { return "the cache \(path) is of a version that this program does not know" }
    return "the cache \(path) cannot be used: \(cause)"
  }
}
