/// What stands after `-o`, as for mount(8): options separated by commas, a later one wins over an earlier one.
struct FuseOptionList: Hashable, Sendable {
  /// `ro`.
  private(set) var isReadOnly = false
  /// `allow_other`.
  private(set) var allowsOther = false
  /// `exec`.
  private(set) var allowsExecution = false
  /// All others, for libfuse.
  private(set) var others: [String] = []

  /// The options that `texts`, each from one `-o`, hold. A backslash before a comma keeps the two together.
  init(_ texts: [String]) throws(CommandError) {
    for option in texts.flatMap(Self.split) {
      switch option {
      case "ro": isReadOnly = true
      case "rw": isReadOnly = false
      case "allow_other": allowsOther = true
      case "exec": allowsExecution = true
      case "noexec": allowsExecution = false
      case "nosuid", "nodev", "default_permissions", "defaults", "": break
      case "suid", "dev", "nonempty", "auto_unmount":
        throw CommandError("-o \(option) is not supported")
      default:
        guard !option.hasPrefix("subtype="), !option.hasPrefix("fsname=") else {
          throw CommandError("-o \(option) is not supported: `restic-gitfs status` finds mounts by these names")
        }
        others.append(option)
      }
    }
  }

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
