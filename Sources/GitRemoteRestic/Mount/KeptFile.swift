import CLinux
import Glibc
import Platform
import SystemPackage

/// The file that names a mount which stays for the next command: `kept-HASH` in the folder of private mounts. All clones of a
/// user with the same settings for the same repository share the mount.
///
/// A command that uses the mount holds the file's lock (flock) and has emptied the file; it writes the name back when
/// everything went well. So one command at a time has the mount, and none ever finds one whose command was killed. Who comes
/// meanwhile waits for its turn as long as a mount of its own would take, and then starts one of its own. The
/// mount's process takes the lock for an instant now and then: it ends when the file is gone, names another mount or
/// none, or was not written for `duration`, and takes the file with it (`restic-gitfs mount --keep-alive`).
struct KeptFile: Sendable {
  /// What its name begins with.
  static let prefix = "kept-"
  /// How often a lock is tried that the mount's process seems to hold; a millisecond lies between two tries.
  private static let attempts = 100

  /// Commands that come while others have the mount wait for as long as all of these take; a millisecond lies between two looks.
  private static let patience = Duration.seconds(10)
  /// A command that has had the mount for longer is a long one (a clone, a large push): nobody waits for its end.
  private static let turnLimit = 3

  let path: FilePath
  /// How long the mount stays unused, as `restic-gitfs` takes it; it looks whether that is a duration.
  let duration: String
  private let descriptor: FileDescriptor

  /// The name of the file for a mount that `words` describe: everything in which two mounts may differ. It tells nothing of
  /// them, as far as they cannot be guessed.
  static func name(for words: [String], environment: ProcessEnvironment) throws(HelperError) -> String {
    var environment = environment
    // In no repository: the length of its ids is not to matter.
    environment["GIT_DIR"] = "/dev/null"
    let result = try GitCommand(["hash-object", "--stdin"], environment: environment).run(
      input: Array(words.joined(separator: "\0").utf8))
    guard result.isSuccess, !result.line.isEmpty else {
      throw HelperError("git hash-object failed: \(result.errorOutput.split(separator: "\n").last ?? "")")
    }
    return prefix + result.line
  }

  /// The file `name` in `folder`, locked; made if need be. Waits for others as the constants say. Nil where another command
  /// goes on having it, or where there can be none.
  static func take(_ name: String, for duration: String, in folder: FilePath) -> KeptFile? {
    let end = ContinuousClock.now.advanced(by: patience)
    var attempt = 0
    while attempt < attempts {
      let path = folder.appending(name)
      // Without the file the mount is one that does not stay.
      guard let file = open(path, duration: duration, options: [.create]) else { return nil }
      if file.lock() {
        // It may have been removed before the lock was there.
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

  /// Removes the file at `path` if the mount that it names is gone, and what is left of that.
  static func removeLeftover(_ path: FilePath) {
    guard let file = open(path, duration: "", options: []) else { return }
    guard file.lock(), file.isLinked else { return file.descriptor.closeQuietly() }
    if let mountpoint = file.mountpoint {
      guard !PrivateFolder.isServed(mountpoint) else { return file.descriptor.closeQuietly() }
      PrivateFolder.remove(mountpoint)
    }
    file.remove()
  }

  /// The mount that an earlier command has left, if there is one. From now on the file names none.
  func takeMountpoint() -> FilePath? {
    defer {
      ftruncate(descriptor.rawValue, 0)
      // Others see by it since when the mount is in use.
      futimens(descriptor.rawValue, nil)
    }
    return mountpoint
  }

  /// Leaves the mount at `mountpoint` to the next command. Says whether that could be done.
  func leave(_ mountpoint: FilePath) -> Bool {
    let name = Array((mountpoint.lastComponent?.string ?? "").utf8)
    // The reason does not matter: the file names no mount then, so the mount ends, and the next command starts its own.
    guard (try? descriptor.writeAll(toAbsoluteOffset: 0, name)) == name.count else { return false }
    descriptor.closeQuietly()
    return true
  }

  /// Removes the file and gives the lock back: the mount's process ends.
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
    // A file that cannot be read names no mount, and the command starts its own.
    let count = (try? bytes.withUnsafeMutableBytes { try descriptor.read(fromAbsoluteOffset: 0, into: $0) }) ?? 0
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  private var isLinked: Bool {
    var attributes = stat()
    return fstat(descriptor.rawValue, &attributes) == 0 && attributes.st_nlink > 0
  }

  /// Whether the command that has the file has had it for a short time.
  private var isTakenShortly: Bool {
    var attributes = stat()
    guard fstat(descriptor.rawValue, &attributes) == 0, attributes.st_nlink > 0 else { return true }
    // Whatever somebody does to the clock.
    return abs(time(nil) - attributes.st_mtim.tv_sec) < Self.turnLimit
  }

  private func lock() -> Bool {
    flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0
  }

  private static func open(
    _ path: FilePath, duration: String, options: FileDescriptor.OpenOptions
  ) -> KeptFile? {
    // Without the file, for whatever reason, the command has a mount of its own that ends with it.
    let descriptor = try? FileDescriptor.open(
      path, .readWrite, options: options.union([.noFollow, .closeOnExec]), permissions: .ownerReadWrite)
    return descriptor.map { KeptFile(path: path, duration: duration, descriptor: $0) }
  }
}
