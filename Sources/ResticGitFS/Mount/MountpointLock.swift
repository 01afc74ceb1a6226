import Glibc
import MessageText
import SystemPackage

/// Keeps two processes of this program from mounting at one place: the second would hide the first.
enum MountpointLock {
  /// How long another process may hold the lock. A process of this program holds it for some milliseconds.
  private static let patience = Duration.seconds(5)
  private static let pollMicroseconds: UInt32 = 20_000

  /// Runs `mount`, which mounts at `mountpoint`, unless a mount of ours is there. Whoever else does the same waits until
  /// it has returned. Throws a `CommandError` where somebody keeps the lock: everybody who may open the folder can. Blocks
  /// its thread.
  ///
  /// The lock is flock(2) on the folder. Whoever opens it after the other's mount opens the other's root instead, and
  /// then finds that mount in the table.
  static func mounting(at mountpoint: FilePath, _ mount: () throws -> Void) throws {
    let folder: FileDescriptor
    do throws(Errno) {
      folder = try Errno.only { try FileDescriptor.open(mountpoint, .readOnly, options: [.directory, .closeOnExec]) }
    } catch {
      throw CommandError("the mountpoint \(mountpoint) cannot be used: \(error)")
    }
    // Gives the lock back. Nothing was written.
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
      // Where there is no such lock, as on some network file systems, there is nothing to wait with.
      guard errno == EWOULDBLOCK || errno == EINTR else { return }
      guard ContinuousClock.now < end else {
        throw CommandError("another process holds a lock on \(mountpoint): mount elsewhere, or end that process")
      }
      usleep(pollMicroseconds)
    }
  }
}
