internal import CLinux
internal import Glibc
internal import SystemPackage

/// The working directory of a program that is started.
enum SpawnFolder {
  /// Adds that the program begins in `folder`; what comes after in `actions` counts from there.
  static func set(_ folder: FilePath, in actions: inout posix_spawn_file_actions_t) {
    posix_spawn_file_actions_addchdir_np(&actions, folder.string)
  }
}
