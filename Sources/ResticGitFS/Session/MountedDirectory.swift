import CLinux
import FoundationEssentials
import Glibc
import MessageText
import ResticCore
import SystemPackage

/// A mount of this program, seen from outside: found by its path, asked for its status, told to commit or to end.
///
/// Only other processes use this; the process that serves the mount must never touch it.
struct MountedDirectory: Sendable {
  /// The attribute of the root whose value is the status in JSON.
  private static let statusAttribute = "user.restic.status"
  /// The attribute of the root whose reading returns after everything is saved.
  private static let commitAttribute = "user.restic.commit"
  /// The attribute of the root whose reading returns once the mount's own programs have stopped working on it.
  private static let restAttribute = "user.restic.rest"
  /// The attribute of the root whose reading starts housekeeping, and returns its report.
  private static let maintainAttribute = "user.restic.maintain"

  /// The mountpoint: absolute, without symbolic links.
  let path: FilePath
  /// The user who made the mount; nil if that is not known.
  var ownerID: UInt32?

  /// The mount at `path`, which may be relative or contain symbolic links. A mount whose process is dead counts too.
  static func find(_ path: String, in table: MountTable) throws(CommandError) -> MountedDirectory {
    guard let mount = mount(at: path, in: table) else {
      throw CommandError("\(path) is not a restic-gitfs mount; `restic-gitfs status` lists yours")
    }
    return mount
  }

  /// As `find`; nil if there is no mount of this program.
  static func mount(at path: String, in table: MountTable) -> MountedDirectory? {
    guard let resolved = resolve(FilePath(path)), let entry = table.entry(at: resolved), entry.isResticGitFS else {
      return nil
    }
    return MountedDirectory(path: resolved, ownerID: entry.ownerID)
  }

  /// `path` without symbolic links, absolute; nil if it does not exist.
  ///
  /// The root of a dead FUSE mount, and that of another user's, cannot be examined, so for such a mount only the folder
  /// above is resolved. A path through a folder of another user is taken as it is written.
  private static func resolve(_ path: FilePath) -> FilePath? {
    if let resolved = path.resolved() { return resolved }
    guard [ENOTCONN, ECONNABORTED, EACCES].contains(errno), let name = path.lastComponent else { return nil }
    let parent = path.removingLastComponent()
    if let parent = (parent.isEmpty ? FilePath(".") : parent).resolved() { return parent.appending(name) }
    return errno == EACCES ? path.absolute().lexicallyNormalized() : nil
  }

  /// Whether the process that served it is gone. Requests something that the kernel does not cache.
  var isDead: Bool {
    let result = path.withPlatformString { getxattr($0, Self.statusAttribute, nil, 0) }
    return result < 0 && (errno == ENOTCONN || errno == ECONNABORTED)
  }

  /// The status as the mount reports it: one JSON object.
  func statusText() throws(CommandError) -> [UInt8] {
    while true {
      let count = path.withPlatformString { getxattr($0, Self.statusAttribute, nil, 0) }
      guard count >= 0 else { throw unreachable(Errno(rawValue: errno)) }
      // Room for growth between the two calls.
      var bytes = [UInt8](repeating: 0, count: count + 1024)
      let filled = path.withPlatformString { path in
        bytes.withUnsafeMutableBytes { getxattr(path, Self.statusAttribute, $0.baseAddress, $0.count) }
      }
      if filled >= 0 { return Array(bytes[..<filled]) }
      guard errno == ERANGE else { throw unreachable(Errno(rawValue: errno)) }
    }
  }

  /// The status, decoded.
  func status() throws(CommandError) -> MountStatus {
    try decoded(try statusText())
  }

  /// The status in `text`, which this mount returned.
  func decoded(_ text: [UInt8]) throws(CommandError) -> MountStatus {
    do {
      return try JSONDecoder().decode(MountStatus.self, from: Data(text))
    } catch {
      throw CommandError("the status of \(path) is not understood: it is served by another version of restic-gitfs")
    }
  }

  /// Commits and waits until that is done. Blocks its thread.
  func synchronize() throws(Errno) {
    // The value is ignored. A value that is larger than an attribute can be was also returned after the commit.
    let count = path.withPlatformString { getxattr($0, Self.commitAttribute, nil, 0) }
    if count >= 0 || errno == ERANGE || errno == E2BIG { return }
    // An earlier version, which supports only the older way.
    guard errno == ENODATA else { throw Errno(rawValue: errno) }
    try synchronizeRoot()
  }

  /// Makes the mount stop its own work, and begin none for a while. A mount of an earlier version does nothing.
  func rest() async {
    let path = path
    await BlockingExecutor(threadCount: 1).run {
      _ = path.withPlatformString { getxattr($0, Self.restAttribute, nil, 0) }
    }
  }

  /// Makes the mount pack its git repositories now, and returns the report. Blocks its thread.
  func maintain() throws(CommandError) -> HousekeepingReport {
    // One call, because each call does the work.
    var bytes = [UInt8](repeating: 0, count: MountStatus.attributeByteLimit)
    let count = path.withPlatformString { path in
      bytes.withUnsafeMutableBytes { getxattr(path, Self.maintainAttribute, $0.baseAddress, $0.count) }
    }
    guard count >= 0 else {
      guard errno == ENODATA else { throw unreachable(Errno(rawValue: errno)) }
      throw CommandError("\(path) is read-only, or an earlier version of restic-gitfs serves it")
    }
    do {
      return try JSONDecoder().decode(HousekeepingReport.self, from: Data(bytes[..<count]))
    } catch {
      throw CommandError("the answer of \(path) is not understood: it is served by another version of restic-gitfs")
    }
  }

  /// fsync of the root.
  private func synchronizeRoot() throws(Errno) {
    let descriptor = try Errno.only {
      try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .directory])
    }
    // Only the result of fsync counts; this descriptor has written nothing.
    defer { try? descriptor.close() }
    guard fsync(descriptor.rawValue) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Why the status is not available, in words.
  private func unreachable(_ error: Errno) -> CommandError {
    switch error {
    case .socketNotConnected, .connectionAbort:
      CommandError(
        "the process that served \(path) is gone; clear the mountpoint with `restic-gitfs umount \(ShellWord(path))`, then mount again"
      )
    case .permissionDenied:
      belongsToAnother
    default:
      CommandError("the mount \(path) does not report its status: \(error)")
    }
  }

  /// The error for a mount of another user, whom it names.
  var belongsToAnother: CommandError {
    guard let ownerID else { return CommandError("the mount \(path) belongs to another user; run this as that user") }
    let name = OwnerNames().user(ownerID)
    let owner = name.isEmpty ? "the user with id \(ownerID)" : name
    let word = ShellWord(name.isEmpty ? "#\(ownerID)" : name)
    return CommandError(
      "the mount \(path) belongs to \(owner); run this as that user, for example with `sudo -u \(word)`")
  }
}
