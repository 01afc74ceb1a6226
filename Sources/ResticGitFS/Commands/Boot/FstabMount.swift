/// What mount(8) wants mounted, or unmounted, when it starts this program under another name.
///
/// Its command lines are `mount.TYPE LOCATION FOLDER [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]` and
/// `umount.TYPE FOLDER [-flnrv] [-N NAMESPACE] [-t TYPE]`. Source: mount(8) and umount(8), "External helpers".
struct FstabMount: Hashable, Sendable {
  /// The same for restic-gitfs's own command line.
  var arguments: [String]
  /// What is to be set in the environment.
  var variables: [String: String] = [:]
  /// The user whose mount it is to be.
  var user: String?
  /// The folder whose owner is to be asked to save.
  var ownedFolder: String?
  /// Whether nothing is to be done (`mount -f`).
  var isFake = false

  /// Reads the arguments of mount.restic-gitfs.
  static func mounting(_ arguments: [String]) throws(CommandError) -> FstabMount {
    let words = try Words(arguments, flags: "sfnv")
    guard words.plain.count == 2 else {
      throw CommandError(
        "mount(8) starts this program as `mount.restic-gitfs LOCATION FOLDER [-o OPTIONS]`; see mount.restic-gitfs(8)")
    }
    let (location, folder) = (words.plain[0], words.plain[1])
    let options = try FstabOptions(words.options, isSloppy: words.flags.contains("s"))
    // `none` stands for a location that /etc/fstab does not name.
    let source =
      options.hasRepositoryFile || location == "none" ? [] : ["--repo=\(location)", "--source-name=\(location)"]
    return FstabMount(
      arguments: ["mount"] + source + (words.flags.contains("v") ? ["--verbose"] : []) + options.arguments
        + ["--", folder],
      variables: options.variables, user: options.user, isFake: words.flags.contains("f"))
  }

  /// Reads the arguments of umount.fuse.restic-gitfs. A lazy or forced unmount saves as well, but does not wait for it.
  static func unmounting(_ arguments: [String]) throws(CommandError) -> FstabMount {
    let words = try Words(arguments, flags: "flnrv")
    guard words.plain.count == 1 else {
      throw CommandError("umount(8) starts this program as `umount.fuse.restic-gitfs FOLDER`")
    }
    let insistence = words.flags.contains("f") ? "forced" : words.flags.contains("l") ? "detached" : "ifUnused"
    return FstabMount(
      arguments: ["umount", "--for-umount=\(insistence)"] + (words.flags.contains("v") ? [] : ["--quiet"])
        + ["--", words.plain[0]], ownedFolder: insistence == "ifUnused" ? words.plain[0] : nil)
  }

  /// Arguments sorted into what they are.
  private struct Words {
    var plain: [String] = []
    var options: [String] = []
    var flags: Set<Character> = []

    /// `known`: the letters of options without a value.
    init(_ arguments: [String], flags known: String) throws(CommandError) {
      var rest = arguments[...]
      while let argument = rest.popFirst() {
        switch argument {
        case "-o":
          guard let value = rest.popFirst() else { throw CommandError("-o needs options") }
          options.append(value)
        case "-t":
          _ = rest.popFirst()
        case "-N":
          throw CommandError("-N is not supported: enter the mount namespace first, as with nsenter(1)")
        case _ where argument.hasPrefix("-o"): options.append(String(argument.dropFirst(2)))
        case _ where argument.count > 1 && argument.hasPrefix("-"):
          guard argument.dropFirst().allSatisfy(known.contains) else {
            throw CommandError("unknown option \(argument)")
          }
          flags.formUnion(argument.dropFirst())
        default: plain.append(argument)
        }
      }
    }
  }
}
