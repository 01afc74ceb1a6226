import MessageText
import NamedRepositories

/// The places that the arguments of `mount` name: a repository of the configuration file, a mountpoint, or both.
///
///     mount vault            repository vault, mounted where the file says
///     mount vault ~/v        repository vault, mounted at ~/v
///     mount -r LOCATION ~/v  any repository
///     mount -r vault         as mount vault
struct MountPlaces: Hashable, Sendable {
  /// The repository's name, if the arguments begin with one.
  let name: String?
  /// The mountpoint; nil: the one of the repository in the configuration file.
  let mountpoint: String?

  /// The places in `arguments`, at most two. `isGiven`: an option names the repository; `isPreset`: a variable does.
  /// `isName`: whether the configuration file has that name.
  init(
    _ arguments: [String], isGiven: Bool, isPreset: Bool, isName: (String) throws(CommandError) -> Bool
  ) throws(CommandError) {
    guard let first = arguments.first else {
      (name, mountpoint) = (nil, nil)
      return
    }
    guard arguments.count > 1 else {
      // With RESTIC_REPOSITORY, a single argument has always been the mountpoint.
      guard !isGiven, !isPreset else {
        (name, mountpoint) = (nil, first)
        return
      }
      guard try isName(first) else {
        throw CommandError(
          "no repository is given for the mountpoint '\(first)'\(RepositoryWord.unknownName(first)): use -r, --repository-file or RESTIC_REPOSITORY; see `restic-gitfs mount --help`"
        )
      }
      (name, mountpoint) = (first, nil)
      return
    }
    guard !isGiven, try isName(first) else {
      throw CommandError(
        "mount takes one argument, the mountpoint; if '\(first)' is the repository, write -r before it: mount -r \(ShellWord(first)) \(ShellWord(arguments[1])); see `restic-gitfs mount --help`"
      )
    }
    (name, mountpoint) = (first, arguments[1])
  }
}
