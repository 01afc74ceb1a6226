import MessageText
import NamedRepositories
import SystemPackage

/// The doctor's verdicts about a machine. Pure: they depend only on the facts.
enum MachineChecks {
  /// A verdict about each thing that mounts and git need, in the order in which to fix them.
  static func checks(_ facts: MachineFacts) -> [DoctorCheck] {
    [
      device(facts.mounting), mountingProgram(facts.mounting), otherUsers(facts.mounting), git(facts), helper(facts),
      credentials(facts), state(facts.state), cache(facts.cache), configuration(facts), mounts(facts), sessions(facts),
    ]
  }

  private static func device(_ facts: MountingFacts) -> DoctorCheck {
    let name = "/dev/fuse"
    guard facts.hasDevice else {
      return .fail(
        name, "there is none", advice: "run `modprobe fuse` as root, or start the container with --device /dev/fuse")
    }
    switch facts.deviceError {
    case nil: return .ok(name, "can be opened")
    case .permissionDenied? where !facts.isRoot && facts.helperIsPrivileged:
      // fusermount3 opens the device as root.
      return .ok(name, "is opened by fusermount3")
    case let error?:
      return .fail(name, "cannot be opened: \(error)", advice: "a container needs --device /dev/fuse")
    }
  }

  private static func mountingProgram(_ facts: MountingFacts) -> DoctorCheck {
    let name = "fusermount3"
    guard let helper = facts.helper else {
      // Root can mount without fusermount3; ordinary users cannot.
      return facts.isRoot
        ? .warning(name, "is not installed, and ordinary users cannot mount", advice: "install the package fuse3")
        : .fail(name, "is not installed", advice: "install the package fuse3")
    }
    guard facts.helperIsPrivileged || facts.isRoot else {
      return .fail(name, "\(helper) is not set-user-ID root", advice: "install the package fuse3 anew")
    }
    return .ok(name, "\(helper)")
  }

  private static func otherUsers(_ facts: MountingFacts) -> DoctorCheck {
    let name = "user_allow_other"
    if facts.allowsOther { return .ok(name, "is in /etc/fuse.conf: --allow-other works") }
    if facts.isRoot { return .ok(name, "is not in /etc/fuse.conf; root does not need that line") }
    return .ok(name, "is not in /etc/fuse.conf: --allow-other needs that line")
  }

  private static func git(_ facts: MachineFacts) -> DoctorCheck {
    switch facts.git {
    case .missing: .fail("git", "is not on PATH", advice: "install the package git")
    case .silent(let path):
      .fail("git", "\(path) does not tell its version", advice: "run `git --version` to see why")
    case .version(let path, let version): .ok("git", "\(path), \(version)")
    }
  }

  private static func helper(_ facts: MachineFacts) -> DoctorCheck {
    let name = "git-remote-restic"
    switch facts.helper {
    case .missing:
      return .warning(
        name, "is not on PATH, so git knows no restic:: URLs",
        advice: "install it beside restic-gitfs, in a folder of PATH")
    case .silent(let path):
      return .warning(name, "\(path) does not tell its version", advice: "run `git-remote-restic --version` to see why")
    case .version(let path, let version):
      guard version.split(separator: " ").contains(Substring(facts.version)) else {
        return .warning(
          name, "\(path) is '\(version)', and restic-gitfs is \(facts.version)", advice: "install both from one place")
      }
      return .ok(name, "\(path), \(version)")
    }
  }

  private static func credentials(_ facts: MachineFacts) -> DoctorCheck {
    let name = "credential helper"
    let helpers = facts.credentialHelpers.filter { !$0.isEmpty }
    guard !helpers.isEmpty else {
      return .ok(name, "git has none: passwords are asked for, or come from --password-command or --password-file")
    }
    if let missing = facts.missingHelpers.first {
      return .warning(
        name, "\(missing) is not installed: git cannot ask it for passwords",
        advice: "install it, or name another one with `git config --global credential.helper`")
    }
    // A user's own helper may be a command that contains secrets, so only the first word is shown.
    let words = helpers.map { $0.split(separator: " ").first.map(String.init) ?? "" }
    return .ok(name, words.joined(separator: ", "))
  }

  private static func state(_ folder: MachineFacts.Folder) -> DoctorCheck {
    let name = "state folder"
    let advice = "set XDG_STATE_HOME to a writable folder"
    return switch folder {
    case .missing: .fail(name, "no location for it: this user has no home folder", advice: advice)
    case .refused(let path, let error): .fail(name, "\(path) cannot be written: \(error)", advice: advice)
    case .writable(let path): .ok(name, "\(path)")
    }
  }

  private static func cache(_ folder: MachineFacts.Folder) -> DoctorCheck {
    let name = "cache folder"
    let advice = "set RESTIC_CACHE_DIR to a writable folder; without a cache everything is read from the storage"
    return switch folder {
    case .missing: .warning(name, "no location is known for it", advice: advice)
    case .refused(let path, let error): .warning(name, "\(path) cannot be written: \(error)", advice: advice)
    case .writable(let path): .ok(name, "\(path)")
    }
  }

  private static func configuration(_ facts: MachineFacts) -> DoctorCheck {
    let name = "configuration"
    switch facts.configuration {
    case .failure(let error):
      return .fail(name, error.description, advice: "mend the file, or no name in it can be used")
    case .success(let names) where names.files.isEmpty: return .ok(name, "there is no file")
    case .success(let names):
      let list = names.names.isEmpty ? "names no repository" : names.names.joined(separator: ", ")
      return .ok(name, "\(names.files.joined(separator: " and ")): \(list)")
    }
  }

  private static func mounts(_ facts: MachineFacts) -> DoctorCheck {
    let name = "mounts"
    if let error = facts.mountTableError {
      return .fail(name, "the mount table cannot be read: \(error)", advice: "mount /proc")
    }
    if let silent = facts.silentMounts.first {
      let count = facts.silentMounts.count
      return .warning(
        name, "\(silent) does not answer\(count > 1 ? ", and \(count - 1) more" : "")",
        advice:
          "look at its process (stopped, or out of memory?); `restic-gitfs umount --discard \(ShellWord(silent.string))` gives it up"
      )
    }
    if let dead = facts.deadMounts.first {
      let count = facts.deadMounts.count
      return .warning(
        name, "the process that served \(dead) is gone\(count > 1 ? ", and \(count - 1) more" : "")",
        advice: "`restic-gitfs umount \(ShellWord(dead.string))` clears the folder")
    }
    return .ok(name, facts.mountCount == 1 ? "1 is served" : "\(facts.mountCount) are served")
  }

  private static func sessions(_ facts: MachineFacts) -> DoctorCheck {
    let name = "sessions"
    if let error = facts.sessionError {
      return .warning(
        name, "what mounts have noted in the state folder cannot be read: \(error)",
        advice: "the folder and all in it have to be yours: look at `ls -lR` of it")
    }
    if let file = facts.leftovers.first {
      return .warning(
        name, "a mount ended without a last commit (\(file)): what it had not saved is lost",
        advice: "`restic-gitfs snapshots` shows what was saved; the next mount removes the file")
    }
    return .ok(name, "every mount that ended has saved what it had")
  }
}
