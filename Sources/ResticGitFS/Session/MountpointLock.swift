import Glibc
import MessageText
import SystemPackage

/// Keeps two processes of this program from mounting at one place: the second would hide the first.
enum MountpointLock {
  /// Runs `mount`, which mounts at `mountpoint`, unless a mount of ours is there. Whoever else does the same waits until
  /// it has returned: some milliseconds.
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
    // Where there is no such lock, as on some network file systems, there is nothing to wait with.
    while flock(folder.rawValue, LOCK_EX) != 0, errno == EINTR {}
    guard try MountTable.load().entry(at: mountpoint)?.isResticGitFS != true else {
      throw CommandError(
        "\(mountpoint) is a restic-gitfs mount already; unmount it first: `restic-gitfs umount \(ShellWord(mountpoint))`"
      )
    }
    try mount()
  }
}
