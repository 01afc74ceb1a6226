import Glibc
import Platform
import ResticCore
import SystemPackage

/// The folder that git takes for the repository (`GIT_DIR`) while it puts a stored one in order: the stored repository's files
/// through links, but a configuration and a `HEAD` that are written anew, and no hooks.
///
/// So nothing that a stored configuration names is run or read, whatever version of git that is: what is not on the list of
/// `SafeVariable` does not exist for it. git knows this layout from its `git-new-workdir`, which makes links as well.
/// The folder is closed to others, lies in memory where the system has a place for that, and holds nothing of what is stored
/// but the values that are shown of the configuration.
struct HousekeepingFolder: Sendable {
  private static let prefix = "restic-gitfs-git-"
  /// What git finds in the stored repository. `packed-refs` is written through its link even where it is not there yet.
  private static let always: [Name] = ["objects", "refs", "packed-refs"]
  private static let ifThere: Set<Name> = ["logs", "info", "shallow"]

  /// Where it is.
  let path: FilePath

  /// A new folder for the repository at `repository`, which has the entries `names`.
  static func make(
    for repository: String, names: Set<Name>, head: [UInt8], configuration: [UInt8], in base: FilePath = base()
  ) throws(Errno) -> HousekeepingFolder {
    var template = Array(base.appending("\(prefix)\(getpid())-XXXXXX").string.utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { FilePath(platformString: $0) }
    }
    guard let made else { throw Errno(rawValue: errno) }
    let folder = HousekeepingFolder(path: made)
    do throws(Errno) {
      for name in always + ifThere.intersection(names).sorted() {
        let text = String(decoding: name.bytes, as: UTF8.self)
        guard symlink("\(repository)/\(text)", made.appending(text).string) == 0 else { throw Errno(rawValue: errno) }
      }
      try write(Self.head(head), to: made.appending("HEAD"))
      try write(configuration, to: made.appending("config"))
    } catch {
      folder.remove()
      throw error
    }
    return folder
  }

  /// Takes it away.
  func remove() {
    Self.remove(path)
  }

  /// Takes away what processes have left behind that were killed.
  static func removeLeftovers(in base: FilePath = base()) {
    // A folder that can't be read is left alone.
    for name in (try? FolderNames.list(base).map(\.string)) ?? [] where name.hasPrefix(prefix) {
      guard let owner = pid_t(name.dropFirst(prefix.count).prefix { $0 != "-" }), kill(owner, 0) != 0, errno == ESRCH
      else { continue }
      var attributes = stat()
      let path = base.appending(name)
      guard lstat(path.string, &attributes) == 0, attributes.st_uid == geteuid() else { continue }
      remove(path)
    }
  }

  /// In memory, if the system has a place for that: the user's runtime folder, or `/dev/shm`.
  static func base() -> FilePath {
    if let runtime = getenv("XDG_RUNTIME_DIR").map({ String(cString: $0) }), runtime.hasPrefix("/"), isOurs(runtime) {
      return FilePath(runtime)
    }
    if access("/dev/shm", W_OK | X_OK) == 0 { return "/dev/shm" }
    return FilePath(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")
  }

  private static func isOurs(_ path: String) -> Bool {
    var attributes = stat()
    return stat(path, &attributes) == 0 && attributes.st_mode & S_IFMT == S_IFDIR && attributes.st_uid == geteuid()
      && access(path, W_OK | X_OK) == 0
  }

  /// A `HEAD` that holds as much as housekeeping needs: a detached one keeps its commit, the name of a branch does not matter.
  private static func head(_ stored: [UInt8]) -> [UInt8] {
    let line = stored.prefix { $0 != UInt8(ascii: "\n") }
    let isHex = (line.count == 40 || line.count == 64) && line.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    return isHex ? Array(line) + [UInt8(ascii: "\n")] : Array("ref: refs/heads/main\n".utf8)
  }

  private static func write(_ bytes: [UInt8], to path: FilePath) throws(Errno) {
    try Errno.only {
      let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
      defer { file.closeQuietly() }
      try file.writeAll(bytes)
    }
  }

  /// git may have left folders of its own; links are never followed.
  private static func remove(_ path: FilePath) {
    // A folder that cannot be read stays, and harms nobody: each run has a folder of its own.
    for name in (try? FolderNames.list(path)) ?? [] {
      let entry = path.appending(name)
      var attributes = stat()
      guard lstat(entry.string, &attributes) == 0 else { continue }
      if attributes.st_mode & S_IFMT == S_IFDIR { remove(entry) } else { unlink(entry.string) }
    }
    rmdir(path.string)
  }
}
