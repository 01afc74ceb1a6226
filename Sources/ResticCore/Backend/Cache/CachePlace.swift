public import SystemPackage

/// Where caches are kept, and which files they hold.
public struct CachePlace: Hashable, Sendable {
  /// The folder with a folder for each repository; it need not exist.
  public var folder: FilePath
  /// Whether the repository's files are cached: false for a repository on a disk of this machine.
  public var keepsFiles: Bool

  /// Caches in `folder`.
  public init(folder: FilePath, keepsFiles: Bool = true) {
    self.folder = folder
    self.keepsFiles = keepsFiles
  }

  /// The folder, found as restic finds it: `explicit` (`--cache-dir`), `variable` ($RESTIC_CACHE_DIR), `restic` in
  /// `cacheHome` ($XDG_CACHE_HOME), or `.cache/restic` in `home` ($HOME). Nil if there is none. The latter two count
  /// only if they are absolute; the former two are relative to the working directory.
  ///
  /// Source: restic, internal/backend/cache/dir.go, and Go's os.UserCacheDir; XDG Base Directory Specification 0.8.
  public static func folder(explicit: String?, variable: String?, cacheHome: String?, home: String?) -> FilePath? {
    for path in [explicit, variable].compactMap(\.self) where !path.isEmpty { return FilePath(path) }
    if let cacheHome = absolute(cacheHome) { return cacheHome.appending("restic") }
    return absolute(home)?.appending(".cache").appending("restic")
  }

  /// The files among `files` that are in the cache of any repository here. Such a file may be damaged, or gone a moment
  /// later.
  func cached(_ files: [BackendFile]) async -> Set<BackendFile> {
    let wanted = files.filter { $0.type == .index || $0.type == .snapshot }
    guard keepsFiles, !wanted.isEmpty else { return [] }
    return await BlockingExecutor(threadCount: 1).run { [folder] () -> Set<BackendFile> in
      var found: Set<BackendFile> = []
      for repository in Self.repositories(in: folder) {
        let cache = CacheFolder(base: folder, repository: repository)
        for file in wanted where !found.contains(file) && cache.holds(file) { found.insert(file) }
      }
      return found
    }
  }

  /// The repositories that have a cache in `folder`, as far as this can be found out; only some of very many.
  private static func repositories(in folder: FilePath) -> [ID<Never>] {
    var found: [ID<Never>] = []
    do throws(Errno) {
      let all = try OwnFolder(folder, followsLink: true, mayBeRoots: true)
      try all.forEachName { name throws(Errno) in
        if found.count < repositoryLimit, let id = ID<Never>(hex: name) { found.append(id) }
      }
    } catch {
      // There is no cache yet.
    }
    return found
  }

  private static let repositoryLimit = 64

  private static func absolute(_ text: String?) -> FilePath? {
    text.map { FilePath($0) }.flatMap { $0.isAbsolute ? $0 : nil }
  }
}
