public import SystemPackage

/// Where caches are kept, and what of repositories is.
public struct CachePlace: Hashable, Sendable {
  /// The folder with a folder for each repository; it need not exist.
  public var folder: FilePath
  /// Whether the repository's files are kept: not those on a disk of this machine, which are at hand.
  public var keepsFiles: Bool

  /// Caches in `folder`.
  public init(folder: FilePath, keepsFiles: Bool = true) {
    self.folder = folder
    self.keepsFiles = keepsFiles
  }

  /// The folder, as restic finds it: `explicit` (`--cache-dir`), `variable` ($RESTIC_CACHE_DIR), `restic` in `cacheHome`
  /// ($XDG_CACHE_HOME), or `.cache/restic` in `home` ($HOME). Nil where there is none. The latter two count only where they
  /// are absolute; the former two are taken from the working directory.
  ///
  /// Source: restic, internal/backend/cache/dir.go, and Go's os.UserCacheDir; XDG Base Directory Specification 0.8.
  public static func folder(explicit: String?, variable: String?, cacheHome: String?, home: String?) -> FilePath? {
    for path in [explicit, variable].compactMap(\.self) where !path.isEmpty { return FilePath(path) }
    if let cacheHome = absolute(cacheHome) { return cacheHome.appending("restic") }
    return absolute(home)?.appending(".cache").appending("restic")
  }

  private static func absolute(_ text: String?) -> FilePath? {
    text.map { FilePath($0) }.flatMap { $0.isAbsolute ? $0 : nil }
  }
}
