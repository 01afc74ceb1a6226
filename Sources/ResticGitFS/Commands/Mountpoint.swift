import Glibc
import MessageText
import Platform
import SystemPackage

/// A folder to mount on, checked before anybody is asked for a password.
enum Mountpoint {
  /// `path` made absolute without symbolic links, if it can be mounted on: an empty folder that is not a mount of this
  /// program, and neither contains nor is contained in the folder `repository` (nil if that is not local).
  static func checked(
    _ path: String, repository: FilePath?, table: MountTable
  ) throws(CommandError) -> FilePath {
    guard !path.isEmpty else {
      throw CommandError("the mountpoint is empty; give an empty folder, for example ~/vault")
    }
    guard let resolved = FilePath(path).resolved() else { throw unusable(path, Errno(rawValue: errno)) }
    guard String(validating: resolved) != nil else {
      throw CommandError("the mountpoint \(resolved) has a name that is not UTF-8; choose another folder")
    }
    if table.entry(at: resolved)?.isResticGitFS == true {
      guard !MountedDirectory(path: resolved).isDead else { throw unusable(path, .socketNotConnected) }
      throw CommandError(
        "\(path) is a restic-gitfs mount already; unmount it first: `restic-gitfs umount \(ShellWord(path))`")
    }
    if let repository = repository?.resolved() {
      if resolved.starts(with: repository) {
        throw CommandError("the mountpoint \(path) lies in the repository \(repository); choose another folder")
      }
      if repository.starts(with: resolved) {
        throw CommandError("the repository \(repository) lies in the mountpoint \(path); choose another folder")
      }
    }
    // An automount point (x-systemd.automount) must not be listed: listing waits for the mount that is being made here.
    if table.entry(at: resolved)?.fileSystemType != MountTable.automountType { try checkEmpty(resolved, path) }
    return resolved
  }

  private static func checkEmpty(_ resolved: FilePath, _ path: String) throws(CommandError) {
    let names: [FilePath.Component]
    do throws(Errno) {
      names = try FolderNames.list(resolved, limit: 0)
    } catch {
      throw unusable(path, error)
    }
    guard names.isEmpty else {
      throw CommandError("the mountpoint \(path) is not empty; choose an empty folder or move its content away")
    }
  }

  private static func unusable(_ path: String, _ error: Errno) -> CommandError {
    switch error {
    case .noSuchFileOrDirectory:
      CommandError("the mountpoint \(path) does not exist; create it with `mkdir -p \(ShellWord(path))`")
    case .notDirectory:
      CommandError("the mountpoint \(path) is not a folder")
    case .socketNotConnected, .connectionAbort:
      CommandError(
        "the process that served \(path) is gone; clear the mountpoint with `restic-gitfs umount \(ShellWord(path))`")
    default:
      CommandError("the mountpoint \(path) cannot be used: \(error)")
    }
  }
}
