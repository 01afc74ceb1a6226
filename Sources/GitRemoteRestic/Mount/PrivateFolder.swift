import CLinux
import Glibc
import Platform
import SystemPackage

/// The folder of private mounts, which only its owner can access. It holds one folder for each mount.
///
/// The folder is `$XDG_RUNTIME_DIR/restic-gitfs`, or without that variable `$XDG_STATE_HOME/restic-gitfs/remote`. The
/// names in it are `remote-PID-RANDOM`, with the helper's process id, so that leftovers of dead helpers can be told
/// from folders in use, and the names of `KeptFile`.
struct PrivateFolder: Sendable {
  /// The prefix of mountpoint names.
  static let prefix = "remote-"
  /// How often `waitForRemoval` checks, every 10 ms: this takes longer than a mount waits for programs that use it.
  private static let removalAttempts = 1000
  /// The folder. It exists, belongs to this user, and other users cannot access it.
  let path: FilePath

  /// Finds the folder by the variables in `environment`, and creates it if it does not exist.
  init(_ environment: ProcessEnvironment) throws(HelperError) {
    if let runtime = environment["XDG_RUNTIME_DIR"].map({ FilePath($0) }), runtime.isAbsolute, Self.isOurs(runtime) {
      path = runtime.appending("restic-gitfs")
    } else if let state = environment["XDG_STATE_HOME"].map({ FilePath($0) }), state.isAbsolute {
      path = state.appending("restic-gitfs").appending("remote")
    } else if let home = environment["HOME"].map({ FilePath($0) }), home.isAbsolute {
      path = home.appending(".local/state/restic-gitfs/remote")
    } else {
      throw HelperError("there is no folder for the mountpoint: set XDG_RUNTIME_DIR or HOME")
    }
    try Self.make(path)
    guard Self.isOurs(path) else {
      throw HelperError("other users may open \(path); run `chmod 700` on it, or remove it")
    }
  }

  /// Creates a new folder for one mount.
  func makeMountpoint() throws(HelperError) -> FilePath {
    var template = Array(path.appending("\(Self.prefix)\(getpid())-XXXXXX").string.utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { FilePath(platformString: $0) }
    }
    guard let made else { throw HelperError("cannot create a folder in \(path): \(Errno(rawValue: errno))") }
    return made
  }

  /// Removes the folders of killed helpers whose mounts are dead, too.
  func removeLeftovers() {
    // If the folder cannot be read, nothing is removed. Leftovers do no harm, and the next helper tries again.
    for name in (try? FolderNames.list(path).map(\.string)) ?? [] {
      if name.hasPrefix(KeptFile.prefix) { KeptFile.removeLeftover(path.appending(name)) }
      guard name.hasPrefix(Self.prefix),
        let owner = pid_t(name.dropFirst(Self.prefix.count).prefix { $0 != "-" }), kill(owner, 0) != 0, errno == ESRCH
      else { continue }
      Self.remove(path.appending(name))
    }
  }

  /// Removes the mountpoint `path`, and a mount on it whose process is dead. A mount with a living process stays: it
  /// ends by itself.
  static func remove(_ path: FilePath) {
    guard path.withPlatformString({ rmdir($0) }) != 0, errno == EBUSY else { return }
    removeDead(path)
  }

  /// Returns when the mount at `path`, which is about to end, has removed its folder. Removes the folder if the process
  /// dies.
  static func waitForRemoval(of path: FilePath) {
    var attributes = stat()
    for _ in 0..<removalAttempts {
      guard path.withPlatformString({ lstat($0, &attributes) }) == 0 || errno != ENOENT else { return }
      removeDead(path)
      usleep(10_000)
    }
    remove(path)
  }

  /// Whether a living process serves a mount at `path`.
  static func isServed(_ path: FilePath) -> Bool {
    // Reads an attribute that the kernel does not cache: from its cache, the kernel would answer for a dead mount, too.
    path.withPlatformString { getxattr($0, "user.restic.status", nil, 0) } >= 0
  }

  private static func removeDead(_ path: FilePath) {
    guard !isServed(path), errno == ENOTCONN || errno == ECONNABORTED else { return }
    // A leftover mount does no harm, and the next helper tries again.
    try? Unmounting.unmount(path, .detached)
    _ = path.withPlatformString { rmdir($0) }
  }

  private static func isOurs(_ path: FilePath) -> Bool {
    var attributes = stat()
    return path.withPlatformString { lstat($0, &attributes) } == 0 && attributes.st_mode & S_IFMT == S_IFDIR
      && attributes.st_uid == geteuid() && attributes.st_mode & 0o077 == 0
  }

  private static func make(_ path: FilePath) throws(HelperError) {
    guard path.withPlatformString({ mkdir($0, 0o700) }) != 0 else { return }
    switch errno {
    case EEXIST: return
    case ENOENT where path.components.count > 1:
      try make(path.removingLastComponent())
      try make(path)
    default: throw HelperError("cannot create the folder \(path): \(Errno(rawValue: errno))")
    }
  }
}
