import Glibc
import Platform
import SystemPackage

/// A folder of this machine for as long as one process needs it: closed to others, and in memory where the system has a place for
/// that.
///
/// Its name holds the number of the process. So the next run knows what a process has left behind that was killed.
struct PassingFolder: Sendable {
  /// Where it is.
  let path: FilePath

  /// A new folder whose name begins with `prefix`, filled by `fill`, in the first of `bases` where that succeeds: a place in
  /// memory may be full. Throws what the last one failed with.
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

  /// Takes it away, with what is in it; links are never followed.
  func remove() {
    Self.remove(path)
  }

  /// The folders in `bases` whose names begin with `prefix`, and whose processes are gone.
  static func leftovers(_ prefix: String, in bases: [FilePath] = bases()) -> [FilePath] {
    bases.flatMap { base in
      // A folder that can't be read is left alone: nothing depends on it.
      ((try? FolderNames.list(base).map(\.string)) ?? []).filter { name in
        guard name.hasPrefix(prefix), let owner = pid_t(name.dropFirst(prefix.count).prefix { $0 != "-" }) else {
          return false
        }
        return kill(owner, 0) != 0 && errno == ESRCH
      }.map { base.appending($0) }
    }
  }

  /// Where such folders may be, the best place first: the user's runtime folder, `/dev/shm`, the folder for temporary files.
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

  /// Takes away the folder `path` with all that is in it.
  static func remove(_ path: FilePath) {
    // What can't be listed can't be emptied either: then the folder stays, and the next run tries again.
    for name in (try? FolderNames.list(path)) ?? [] {
      let entry = path.appending(name)
      var attributes = stat()
      guard lstat(entry.string, &attributes) == 0 else { continue }
      if attributes.st_mode & S_IFMT == S_IFDIR { remove(entry) } else { unlink(entry.string) }
    }
    rmdir(path.string)
  }
}
