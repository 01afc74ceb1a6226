import CLinux
import Glibc
import Platform
import SystemPackage

/// The file that names a mount which stays for the next command: `kept-HASH` in the folder of private mounts. All
/// clones of a user with the same settings for the same repository share the mount.
///
/// A command that uses the mount holds the file's lock (flock) and empties the file first. It writes the name back when
/// everything went well. So only one command at a time uses the mount, and no command finds a mount whose last command
/// was killed. A command that comes meanwhile waits as long as starting its own mount would take, and then starts one.
/// The mount's process takes the lock for an instant now and then. The process ends, and removes the file, when the
/// file is gone, names another mount or no mount, or was not written for `duration` (`restic-gitfs mount
/// --keep-alive`).
struct KeptFile: Sendable {
  /// The prefix of the file's name.
  static let prefix = "kept-"
  /// How often to try a lock that the mount's process seems to hold, one millisecond apart.
  private static let attempts = 100

  /// How long commands wait while other commands use the mount. They try once a millisecond.
  private static let patience = Duration.seconds(10)
  /// A command that has used the mount for at least this many seconds is a long one (a clone, a large push): other
  /// commands do not wait for its end.
  private static let turnLimit = 3

  let path: FilePath
  /// How long the mount stays unused, in the form that `restic-gitfs` accepts. `restic-gitfs` checks that it is a
  /// duration.
  let duration: String
  private let descriptor: FileDescriptor

  /// The name of the file for a mount that `words` describe: everything in which two mounts may differ. The name
  /// reveals the words only to someone who can guess them.
  static func name(for words: [String], environment: ProcessEnvironment) throws(HelperError) -> String {
    var environment = environment
    // Outside of any repository, so that the length of a repository's object ids does not matter.
    environment["GIT_DIR"] = "/dev/null"
    let result = try GitCommand(["hash-object", "--stdin"], environment: environment).run(
      input: Array(words.joined(separator: "\0").utf8))
    guard result.isSuccess, !result.line.isEmpty else {
      throw HelperError("git hash-object failed: \(result.errorOutput.split(separator: "\n").last ?? "")")
    }
    return prefix + result.line
  }

  /// Locks the file `name` in `folder`, and creates it if it does not exist. Waits for other commands as the constants
  /// say. Returns nil if another command keeps using the mount, or if the file cannot be created.
  static func take(_ name: String, for duration: String, in folder: FilePath) -> KeptFile? {
    let end = ContinuousClock.now.advanced(by: patience)
    var attempt = 0
    while attempt < attempts {
      let path = folder.appending(name)
      // Without the file, the mount does not stay.
      guard let file = open(path, duration: duration, options: [.create]) else { return nil }
      if file.lock() {
        // The file may have been removed before it was locked.
        if file.isLinked { return file }
        attempt += 1
      } else if file.content.isEmpty {
        guard file.isTakenShortly, .now < end else {
          file.descriptor.closeQuietly()
          return nil
        }
      } else {
        attempt += 1
      }
      file.descriptor.closeQuietly()
      usleep(1000)
    }
    return nil
  }

  /// Removes the file at `path` if the mount that it names is gone, and removes what is left of that mount.
  static func removeLeftover(_ path: FilePath) {
    guard let file = open(path, duration: "", options: []) else { return }
    guard file.lock(), file.isLinked else { return file.descriptor.closeQuietly() }
    if let mountpoint = file.mountpoint {
      guard !PrivateFolder.isServed(mountpoint) else { return file.descriptor.closeQuietly() }
      PrivateFolder.remove(mountpoint)
    }
    file.remove()
  }

  /// Returns the mount that an earlier command left, if there is one, and empties the file.
  func takeMountpoint() -> FilePath? {
    defer {
      ftruncate(descriptor.rawValue, 0)
      // Shows other commands since when this command has used the mount.
      futimens(descriptor.rawValue, nil)
    }
    return mountpoint
  }

  /// Leaves the mount at `mountpoint` to the next command. Returns whether that succeeded.
  func leave(_ mountpoint: FilePath) -> Bool {
    let name = Array((mountpoint.lastComponent?.string ?? "").utf8)
    // The reason does not matter: the file then names no mount, so the mount ends and the next command starts its own.
    guard (try? descriptor.writeAll(toAbsoluteOffset: 0, name)) == name.count else { return false }
    descriptor.closeQuietly()
    return true
  }

  /// Removes the file and unlocks it: the mount's process ends.
  func remove() {
    _ = path.withPlatformString { unlink($0) }
    descriptor.closeQuietly()
  }

  private var mountpoint: FilePath? {
    let name = content
    guard name.hasPrefix(PrivateFolder.prefix), let component = FilePath.Component(name) else { return nil }
    return path.removingLastComponent().appending(component)
  }

  private var content: String {
    var bytes = [UInt8](repeating: 0, count: 256)
    // A file that cannot be read names no mount; the command starts its own.
    let count = (try? bytes.withUnsafeMutableBytes { try descriptor.read(fromAbsoluteOffset: 0, into: $0) }) ?? 0
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  private var isLinked: Bool {
    var attributes = stat()
    return fstat(descriptor.rawValue, &attributes) == 0 && attributes.st_nlink > 0
  }

  /// Whether the command that holds the lock has held it for a short time.
  private var isTakenShortly: Bool {
    var attributes = stat()
    guard fstat(descriptor.rawValue, &attributes) == 0, attributes.st_nlink > 0 else { return true }
    // Also correct after the clock was set back.
    return abs(time(nil) - attributes.st_mtim.tv_sec) < Self.turnLimit
  }

  private func lock() -> Bool {
    flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0
  }

  private static func open(
    _ path: FilePath, duration: String, options: FileDescriptor.OpenOptions
  ) -> KeptFile? {
    // Without the file, for whatever reason, the command starts its own mount, which ends with the command.
    let descriptor = try? FileDescriptor.open(
      path, .readWrite, options: options.union([.noFollow, .closeOnExec]), permissions: .ownerReadWrite)
    return descriptor.map { KeptFile(path: path, duration: duration, descriptor: $0) }
  }
}
