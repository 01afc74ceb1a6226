import Glibc

/// Makes the process one of another user.
enum OtherUser {
  /// Makes root's process one of whoever owns the mount at `folder`: root cannot ask another user's mount to save. Nothing
  /// happens where that is not known. Throws where the owner is known and root cannot become that user: root does not enter
  /// another user's file system.
  static func becomeOwner(of folder: String) throws(CommandError) {
    // A mount that cannot be found has no known owner. The command looks for it again, and reports the error.
    guard geteuid() == 0, let table = try? MountTable.load(),
      let mount = try? MountedDirectory.find(folder, in: table),
      let owner = table.entry(at: mount.path)?.ownerID, owner != 0, let entry = getpwuid(owner)
    else { return }
    try become(String(cString: entry.pointee.pw_name))
  }

  /// From now on the process has the rights of the user `name`, and the variables that name a user and a home are theirs.
  /// Call it before there is another thread.
  static func become(_ name: String) throws(CommandError) {
    guard let entry = getpwnam(name) else { throw CommandError("-o setuid=\(name): there is no such user") }
    let (user, group) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
    let home = String(cString: entry.pointee.pw_dir)
    if geteuid() == user { return }
    // In this order: without root's rights groups cannot be changed any more.
    guard initgroups(name, group) == 0, setgid(group) == 0, setuid(user) == 0 else {
      throw CommandError("-o setuid=\(name) is for root: \(String(cString: strerror(errno)))")
    }
    for (variable, value) in ["HOME": home, "USER": name, "LOGNAME": name] { setenv(variable, value, 1) }
    for variable in ["XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"] { unsetenv(variable) }
  }
}
