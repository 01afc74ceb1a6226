import Glibc
import MessageText
import SystemPackage

/// Prevents two processes of this program from mounting at one place: the second mount would hide the first.
enum MountpointLock {
  /// How long another process may hold the lock. A process of this program holds it for some milliseconds.
  private static let patience = Duration.seconds(5)
  private static let pollMicroseconds: UInt32 = 20_000

  /// Runs `mount`, which mounts at `mountpoint`, unless a mount of this program is there. Another process that does the
  /// same waits until `mount` has returned. Throws a `CommandError` if a process keeps the lock, which everybody who
  /// may open the folder can do. Blocks its thread.
  ///
  /// The lock is flock(2) on the folder. A process that opens the folder after the other's mount opens the root of that
  /// mount instead, and then finds the mount in the table.
  static func mounting(at mountpoint: FilePath, _ mount: () throws -> Void) throws {
    let folder: FileDescriptor
    do throws(Errno) {
      folder = try Errno.only { try FileDescriptor.open(mountpoint, .readOnly, options: [.directory, .closeOnExec]) }
    } catch {
      throw CommandError("the mountpoint \(mountpoint) cannot be used: \(error)")
    }
    // Releases the lock. Nothing was written.
    defer { try? folder.close() }
    try lock(folder, mountpoint)
    guard try MountTable.load().entry(at: mountpoint)?.isResticGitFS != true else {
      throw CommandError(
        "\(mountpoint) is a restic-gitfs mount already; unmount it first: `restic-gitfs umount \(ShellWord(mountpoint))`"
      )
    }
    try mount()
  }

  private static func lock(_ folder: FileDescriptor, _ mountpoint: FilePath) throws(CommandError) {
    let end = ContinuousClock.now.advanced(by: patience)
    while flock(folder.rawValue, LOCK_EX | LOCK_NB) != 0 {
      // If the file system has no such lock, as some network file systems, there is nothing to wait for.
      guard errno == EWOULDBLOCK || errno == EINTR else { return }
      guard ContinuousClock.now < end else {
        throw CommandError("another process holds a lock on \(mountpoint): mount elsewhere, or end that process")
      }
      usleep(pollMicroseconds)
    }
  }
}
