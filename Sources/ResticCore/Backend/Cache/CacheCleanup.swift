import Glibc
public import SystemPackage

/// The caches of repositories that nobody has used for 30 days.
///
/// All calls block. Source: restic, internal/backend/cache (`MaxCacheAge`, `validCacheDirName`).
public struct CacheCleanup: Sendable {
  private static let age = 30 * 24 * 3600
  private static let checkPrefix = "restic-check-cache-"

  private let base: FilePath
  private let names: [String]

  /// Looks for old caches in `folder`; finds none if the folder cannot be read.
  public init(in folder: FilePath) {
    base = folder
    var names: [String] = []
    do throws(Errno) {
      let all = try OwnFolder(folder, followsLink: true, mayBeRoots: true)
      let oldest = time(nil) - Self.age
      try all.forEachEntry { name, status throws(Errno) in
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), Self.isCache(name) else { return }
        if status.st_mtim.tv_sec < oldest { names.append(name) }
      }
    } catch {
      // Without a folder there is nothing to remove.
    }
    self.names = names
  }

  /// How many there are.
  public var count: Int { names.count }

  /// Removes the old caches. Returns a line for each that cannot be removed.
  public func run() -> [String] {
    names.compactMap { name in
      do throws(Errno) {
        try OwnFolder(base, followsLink: true, mayBeRoots: true).removeSubfolder(name)
        return nil
      } catch .noSuchFileOrDirectory {
        return nil
      } catch {
        return "unable to remove \(base.appending(name)): \(error)"
      }
    }
  }

  private static func isCache(_ name: String) -> Bool {
    if name.hasPrefix(checkPrefix) {
      return name.dropFirst(checkPrefix.count).allSatisfy { $0.isASCII && $0.isNumber } && name != checkPrefix
    }
    return name.utf8.count == 64 && name.utf8.allSatisfy { isxdigit(Int32($0)) != 0 }
  }
}
