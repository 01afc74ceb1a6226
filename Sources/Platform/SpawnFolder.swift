internal import CLinux
internal import Glibc
internal import SystemPackage

/// The working directory of a program to start.
enum SpawnFolder {
  /// Makes the program begin in `folder`; relative paths in later `actions` count from there.
  static func set(_ folder: FilePath, in actions: inout posix_spawn_file_actions_t) {
    posix_spawn_file_actions_addchdir_np(&actions, folder.string)
  }
}
