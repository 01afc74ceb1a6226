import Glibc
import Platform
import SystemPackage

/// A temporary folder of one process. Other users cannot access it, and it lies in memory if the system has a place for
/// that.
///
/// Its name contains the process id, so a later run can tell what a killed process has left.
struct PassingFolder: Sendable {
  let path: FilePath

  /// Creates a folder whose name begins with `prefix`, and lets `fill` fill it, in the first of `bases` where that
  /// succeeds: a place in memory may be full. Throws the error of the last attempt.
  static func make(
    _ prefix: String, in bases: [FilePath] = bases(), fill: (FilePath) throws(Errno) -> Void = { _ in }
  ) throws(Errno) -> PassingFolder {
    var failure = Errno.noSuchFileOrDirectory
    for base in bases {
      var template = Array(base.appending("\(prefix)\(getpid())-XXXXXX").string.utf8CString)
      let made = template.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.flatMap { mkdtemp($0) }.map { FilePath(platformString: $0) }
      }
      guard let made else {
        failure = Errno(rawValue: errno)
        continue
      }
      do throws(Errno) {
        try fill(made)
        return PassingFolder(path: made)
      } catch {
        remove(made)
        failure = error
      }
    }
    throw failure
  }

  /// Removes the folder and its content. Never follows links.
  func remove() {
    Self.remove(path)
  }

  /// The folders in `bases` whose names begin with `prefix` and whose processes are gone.
  static func leftovers(_ prefix: String, in bases: [FilePath] = bases()) -> [FilePath] {
    bases.flatMap { base in
      // A folder that cannot be read is skipped: nothing depends on it.
      ((try? FolderNames.list(base).map(\.string)) ?? []).filter { name in
        guard name.hasPrefix(prefix), let owner = pid_t(name.dropFirst(prefix.count).prefix { $0 != "-" }) else {
          return false
        }
        return kill(owner, 0) != 0 && errno == ESRCH
      }.map { base.appending($0) }
    }
  }

  /// Folders that can hold such folders, the best first: the user's runtime folder, `/dev/shm`, the folder for
  /// temporary files.
  static func bases() -> [FilePath] {
    var bases: [FilePath] = []
    if let runtime = getenv("XDG_RUNTIME_DIR").map({ String(cString: $0) }), runtime.hasPrefix("/"), isOurs(runtime) {
      bases.append(FilePath(runtime))
    }
    if access("/dev/shm", W_OK | X_OK) == 0 { bases.append("/dev/shm") }
    return bases + [FilePath(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")]
  }

  private static func isOurs(_ path: String) -> Bool {
    var attributes = stat()
    return stat(path, &attributes) == 0 && attributes.st_mode & S_IFMT == S_IFDIR && attributes.st_uid == geteuid()
      && access(path, W_OK | X_OK) == 0
  }

  /// Removes the folder `path` and its content.
  static func remove(_ path: FilePath) {
    // A folder that cannot be listed cannot be emptied: it stays, and the next run tries again.
    for name in (try? FolderNames.list(path)) ?? [] {
      let entry = path.appending(name)
      var attributes = stat()
      guard lstat(entry.string, &attributes) == 0 else { continue }
      if attributes.st_mode & S_IFMT == S_IFDIR { remove(entry) } else { unlink(entry.string) }
    }
    rmdir(path.string)
  }
}
