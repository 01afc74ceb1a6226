import Dispatch
import Glibc
import SystemPackage

/// The file by which one program after another finds a mount.
///
/// A program that uses the mount holds the file's lock (flock) and has emptied the file; it writes the mountpoint's
/// name back when the mount can be used again. So while the lock is free, the mount goes on as long as the file exists,
/// names the mount, and was written recently. A thread of its own waits until the lock is free.
struct KeepAlive: Sendable {
  /// The longest time until the file's absence is noticed while nobody holds its lock.
  private static let longestSleep = Duration.seconds(2)

  private let file: FilePath
  private let descriptor: FileDescriptor
  private let name: [UInt8]
  private let duration: Duration

  /// The existing file `file`; the mount at `mountpoint` stays for `duration` after its last use.
  init(file: FilePath, mountpoint: FilePath, duration: Duration) throws(CommandError) {
    // On NFS, locks need a writable descriptor.
    let opened = try? FileDescriptor.open(file, .readWrite, options: [.noFollow, .closeOnExec])
    guard let opened else { throw CommandError("--keep-alive-file is for git-remote-restic; leave it out") }
    self.file = file
    self.duration = duration
    descriptor = opened
    name = Array((mountpoint.lastComponent?.string ?? "").utf8)
  }

  /// From now on, the time without a program ends with a SIGTERM to this process.
  func watch() {
    DispatchQueue(label: "keep-alive").async {
      while lock() {
        let rest = remainingTime
        guard rest > .zero else { break }
        flock(descriptor.rawValue, LOCK_UN)
        usleep(UInt32(min(rest, Self.longestSleep) / .microseconds(1)) + 1)
      }
      removeFile()
      kill(getpid(), SIGTERM)
    }
  }

  /// Removes the file, unless a program uses the mount or it names another one.
  func removeFile() {
    guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else { return }
    if attributes != nil, content.isEmpty || content == name { _ = file.withPlatformString { unlink($0) } }
    flock(descriptor.rawValue, LOCK_UN)
  }

  /// Waits for the lock. Returns false if there can be no lock.
  private func lock() -> Bool {
    while flock(descriptor.rawValue, LOCK_EX) != 0 {
      guard errno == EINTR else { return false }
    }
    return true
  }

  /// How much longer the mount stays; zero or less if it has to end. Call it under the lock.
  private var remainingTime: Duration {
    guard let attributes, content == name else { return .zero }
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let written = attributes.st_mtim
    let age = Duration.seconds(now.tv_sec - written.tv_sec) + .nanoseconds(now.tv_nsec - written.tv_nsec)
    // Guards against changes of the clock.
    return duration - max(.zero, age)
  }

  /// The file's attributes, if it still has its name.
  private var attributes: stat? {
    var attributes = stat()
    return fstat(descriptor.rawValue, &attributes) == 0 && attributes.st_nlink > 0 ? attributes : nil
  }

  private var content: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 256)
    // An unreadable file names nothing.
    let count = (try? bytes.withUnsafeMutableBytes { try descriptor.read(fromAbsoluteOffset: 0, into: $0) }) ?? 0
    return Array(bytes[..<count])
  }
}
