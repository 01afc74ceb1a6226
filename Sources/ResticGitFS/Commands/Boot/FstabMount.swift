/// The mount or unmount that mount(8) or umount(8) requests when it starts this program under another name.
///
/// Its command lines are `mount.TYPE LOCATION FOLDER [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]` and `umount.TYPE
/// FOLDER [-flnrv] [-N NAMESPACE] [-t TYPE]`. Source: mount(8) and umount(8), "External helpers".
struct FstabMount: Hashable, Sendable {
  /// The equivalent command line of restic-gitfs.
  var arguments: [String]
  /// Environment variables to set.
  var variables: [String: String] = [:]
  /// The user who is to own the mount.
  var user: String?
  /// The folder whose mount's owner is to be asked to save.
  var ownedFolder: String?
  /// Whether to do nothing (`mount -f`).
  var isFake = false

  /// Parses the arguments of mount.restic-gitfs.
  static func mounting(_ arguments: [String]) throws(CommandError) -> FstabMount {
    let words = try Words(arguments, flags: "sfnv")
    guard words.plain.count == 2 else {
      throw CommandError(
        "mount(8) starts this program as `mount.restic-gitfs LOCATION FOLDER [-o OPTIONS]`; see mount.restic-gitfs(8)")
    }
    let (location, folder) = (words.plain[0], words.plain[1])
    let options = try FstabOptions(words.options, isSloppy: words.flags.contains("s"))
    // `none` means that /etc/fstab names no location.
    let source =
      options.hasRepositoryFile || location == "none" ? [] : ["--repo=\(location)", "--source-name=\(location)"]
    return FstabMount(
      arguments: ["mount"] + source + (words.flags.contains("v") ? ["--verbose"] : []) + options.arguments
        + ["--", folder],
      variables: options.variables, user: options.user, isFake: words.flags.contains("f"))
  }

  /// Parses the arguments of umount.fuse.restic-gitfs. A lazy or forced unmount saves as well, but does not wait for
  /// it.
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

  /// Arguments, sorted by kind.
  private struct Words {
    var plain: [String] = []
    var options: [String] = []
    var flags: Set<Character> = []

    /// `known` holds the letters of options without a value.
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
