import CLinux
import Glibc
import Platform
import SystemPackage

/// Where private mounts are: a folder that nobody else can look into, and in it one for each mount.
///
/// `$XDG_RUNTIME_DIR/restic-gitfs`, or without that `$XDG_STATE_HOME/restic-gitfs/remote`. The names in it are
/// `remote-PID-RANDOM`, with the process id of the helper, so that what the dead have left can be told from what is in use,
/// and those of `KeptFile`.
struct PrivateFolder: Sendable {
  /// What the names of mountpoints begin with.
  static let prefix = "remote-"
  /// How often `waitForRemoval` looks, every 10 ms: longer than a mount waits for whoever is in it.
  private static let removalAttempts = 1000
  /// The folder: it exists, belongs to us and is closed to others.
  let path: FilePath

  /// The folder that `environment` leads to.
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

  /// A new folder for one mount.
  func makeMountpoint() throws(HelperError) -> FilePath {
    var template = Array(path.appending("\(Self.prefix)\(getpid())-XXXXXX").string.utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { FilePath(platformString: $0) }
    }
    guard let made else { throw HelperError("cannot create a folder in \(path): \(Errno(rawValue: errno))") }
    return made
  }

  /// Takes away what killed helpers have left whose mounts are dead, too.
  func removeLeftovers() {
    // In a folder that cannot be read nothing is removed. What is left there harms nobody, and the next helper looks again.
    for name in (try? FolderNames.list(path).map(\.string)) ?? [] {
      if name.hasPrefix(KeptFile.prefix) { KeptFile.removeLeftover(path.appending(name)) }
      guard name.hasPrefix(Self.prefix),
        let owner = pid_t(name.dropFirst(Self.prefix.count).prefix { $0 != "-" }), kill(owner, 0) != 0, errno == ESRCH
      else { continue }
      Self.remove(path.appending(name))
    }
  }

  /// Removes the mountpoint `path`, and a mount on it whose process is dead. One that is alive stays: it ends by itself.
  static func remove(_ path: FilePath) {
    guard path.withPlatformString({ rmdir($0) }) != 0, errno == EBUSY else { return }
    removeDead(path)
  }

  /// Returns when the mount at `path`, which is about to end, has taken its folder away; removes it if the process dies.
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
    // Something that the kernel does not remember: it would tell of the folder of a dead mount as if nothing had happened.
    path.withPlatformString { getxattr($0, "user.restic.status", nil, 0) } >= 0
  }

  private static func removeDead(_ path: FilePath) {
    guard !isServed(path), errno == ENOTCONN || errno == ECONNABORTED else { return }
    // What stays is in the way of nobody, and the next helper tries again.
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
