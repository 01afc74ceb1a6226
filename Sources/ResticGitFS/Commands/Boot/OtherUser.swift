import Glibc

/// Changes the user of this process.
enum OtherUser {
  /// Changes a process of root's to the owner of the mount at `folder`, because root cannot ask another user's mount to
  /// save. Does nothing if the owner is not known. Throws if the owner is known and root cannot become that user: root
  /// does not enter another user's file system.
  static func becomeOwner(of folder: String) throws(CommandError) {
    // A mount that cannot be found has no known owner. The command looks for the mount again and reports the error.
    guard geteuid() == 0, let table = try? MountTable.load(),
      let mount = try? MountedDirectory.find(folder, in: table),
      let owner = table.entry(at: mount.path)?.ownerID, owner != 0, let entry = getpwuid(owner)
    else { return }
    try become(String(cString: entry.pointee.pw_name))
  }

  /// Gives this process the rights of the user `name`, and sets the variables that name a user and a home folder
  /// accordingly. Must be called before another thread exists.
  static func become(_ name: String) throws(CommandError) {
    guard let entry = getpwnam(name) else { throw CommandError("-o setuid=\(name): there is no such user") }
    let (user, group) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
    let home = String(cString: entry.pointee.pw_dir)
    if geteuid() == user { return }
    // The order matters: without root's rights, groups cannot be changed.
    guard initgroups(name, group) == 0, setgid(group) == 0, setuid(user) == 0 else {
      throw CommandError("-o setuid=\(name) is for root: \(String(cString: strerror(errno)))")
    }
    for (variable, value) in ["HOME": home, "USER": name, "LOGNAME": name] { setenv(variable, value, 1) }
    for variable in ["XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"] { unsetenv(variable) }
  }
}
