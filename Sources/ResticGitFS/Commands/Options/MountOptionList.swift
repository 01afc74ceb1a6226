import ResticCore

/// What stands after `-o` of `mount`: options of the storage, as restic has them (`local.connections=2`), and options as for
/// mount(8), separated by commas, of which a later one wins over an earlier one.
struct MountOptionList: Hashable, Sendable {
  /// `ro`.
  private(set) var isReadOnly = false
  /// `allow_other`.
  private(set) var allowsOther = false
  /// `exec`.
  private(set) var allowsExecution = false
  /// All others, for libfuse.
  private(set) var others: [String] = []
  /// Those of the storage, each `key=value`.
  private(set) var storage: [String] = []

  /// Options of the storage only.
  init(storage: [String]) {
    self.storage = storage
  }

  /// The options that `texts`, each from one `-o`, hold. A backslash before a comma keeps the two together; an option of the
  /// storage that stands alone may hold commas.
  init(_ texts: [String]) throws(CommandError) {
    for option in texts.flatMap({ OptionValues.names(storageOptionIn: $0) ? [$0] : Self.split($0) }) {
      switch option {
      case _ where OptionValues.names(storageOptionIn: option): storage.append(option)
      case "ro": isReadOnly = true
      case "rw": isReadOnly = false
      case "allow_other": allowsOther = true
      case "exec": allowsExecution = true
      case "noexec": allowsExecution = false
      case "nosuid", "nodev", "default_permissions", "defaults", "": break
      case _ where Self.meaninglessOptions.contains(option): break
      case _ where Self.isForMount(option): break
      case "suid", "dev", "nonempty", "auto_unmount":
        throw CommandError("-o \(option) is not supported")
      case _ where Self.holdsSecret(option): throw Self.refusalOfSecret(Self.name(of: option))
      default:
        guard !option.hasPrefix("subtype="), !option.hasPrefix("fsname=") else {
          throw CommandError("-o \(option) is not supported: `restic-gitfs status` finds mounts by these names")
        }
        others.append(option)
      }
    }
  }

  /// Whether the value of `option` is meant as a password. Such a value is never printed.
  static func holdsSecret(_ option: String) -> Bool {
    ["password", "pass", "passphrase"].contains(name(of: option))
  }

  /// The error for the option `name` whose value is a password.
  static func refusalOfSecret(_ name: String) -> CommandError {
    CommandError(
      "-o \(name): others can read /etc/fstab and the arguments of a program; name a file with password-file=FILE")
  }

  private static func name(of option: String) -> String {
    option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? ""
  }

  /// Whether a file system of FUSE, a storage or this list takes `option`: `mount -s` leaves out what nobody does.
  static func isKnown(_ option: String) -> Bool {
    OptionValues.names(storageOptionIn: option) || isForMount(option) || meaninglessOptions.contains(option)
      || knownOptions.contains(option) || knownPrefixes.contains(where: option.hasPrefix)
  }

  /// Options of mount(8) for any file system that say nothing to this one: how access times of directories are kept, what the
  /// kernel's log says, and locks and counters that FUSE does not have.
  private static let meaninglessOptions: Set<String> = [
    "diratime", "nodiratime", "silent", "loud", "mand", "nomand", "iversion", "noiversion", "symfollow",
  ]
  /// Those of `init`, and of libfuse. Source: libfuse, lib/mount.c.
  private static let knownOptions: Set<String> = [
    "ro", "rw", "allow_other", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "defaults", "default_permissions",
    "nonempty", "auto_unmount", "sync", "async", "dirsync", "atime", "noatime",
  ]
  private static let knownPrefixes = [
    "subtype=", "fsname=", "max_read=", "context=", "fscontext=", "defcontext=", "rootcontext=",
  ]

  /// Whether mount(8) and systemd read `option` in /etc/fstab, and no file system does. Source: mount(8),
  /// "Filesystem-independent mount options"; systemd.mount(5).
  static func isForMount(_ option: String) -> Bool {
    fstabOptions.contains(option) || fstabPrefixes.contains(where: option.hasPrefix)
  }

  private static let fstabOptions: Set<String> = [
    "auto", "noauto", "user", "nouser", "users", "owner", "group", "nofail", "_netdev",
  ]
  private static let fstabPrefixes = ["x-", "X-", "comment=", "user=", "helper=", "uhelper="]

  private static func split(_ text: String) -> [String] {
    var options: [String] = []
    var option = ""
    var isEscaped = false
    for character in text {
      if character == ",", !isEscaped {
        options.append(option)
        option = ""
      } else {
        option.append(character)
      }
      isEscaped = character == "\\" && !isEscaped
    }
    return options + [option]
  }
}
