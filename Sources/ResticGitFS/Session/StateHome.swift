import Glibc
import SystemPackage

/// The folder in which programs keep the state of a user; it contains `restic-gitfs/`.
///
/// XDG_STATE_HOME is used unchecked if it is absolute, because somebody has chosen it. Without it, the first of these
/// places that is a writable folder of this user is used:
/// 1. `$HOME/.local/state`,
/// 2. `~/.local/state` in the home folder that the password database has for this user,
/// 3. `$XDG_RUNTIME_DIR`, whose content ends with the last login of the user.
/// The root directory is never used, although HOME is `/` in some containers.
/// Source: XDG Base Directory Specification 0.8.
enum StateHome {
  /// The folder, which need not exist yet; nil if there is no place.
  static func find(explicit: String?, home: String?, runtime: String?) -> FilePath? {
    if let path = explicit.map({ FilePath($0) }), path.isAbsolute { return path }
    for folder in [home.map { FilePath($0) }, databaseHome()].compactMap(\.self) where isUsable(folder) {
      return folder.appending(".local").appending("state")
    }
    return runtime.map { FilePath($0) }.flatMap { isUsable($0) ? $0 : nil }
  }

  /// The home folder that the password database has for this user; nil for a user without an entry.
  private static func databaseHome() -> FilePath? {
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    guard getpwuid_r(geteuid(), &entry, &buffer, buffer.count, &found) == 0, found != nil, let home = entry.pw_dir
    else {
      return nil
    }
    return FilePath(platformString: home)
  }

  /// Whether `folder` is an existing, writable folder of this user, and not the root directory.
  private static func isUsable(_ folder: FilePath) -> Bool {
    guard folder.isAbsolute, !folder.lexicallyNormalized().components.isEmpty else { return false }
    var attributes = stat()
    guard folder.withPlatformString({ stat($0, &attributes) }) == 0 else { return false }
    return attributes.st_mode & S_IFMT == S_IFDIR && attributes.st_uid == geteuid()
      && folder.withPlatformString { access($0, W_OK | X_OK) } == 0
  }
}
