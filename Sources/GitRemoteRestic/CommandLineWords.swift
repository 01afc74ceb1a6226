import ProgramVersion

/// The arguments with which git calls the helper: the remote and its URL.
struct CommandLineWords: Hashable, Sendable {
  /// The remote's name, or its URL if it has none.
  let remote: String
  /// The location of the repository.
  let location: RemoteLocation
  /// Whether the remote has a name, and so may have settings.
  let isNamed: Bool

  static let usage = """
    Usage: git-remote-restic REMOTE URL

    git starts this program for URLs of the form restic::LOCATION, for example

      git clone restic::/srv/vault
      git push restic::/srv/vault main

    LOCATION is what restic takes after -r, or the name of a repository in the configuration file. The password comes from RESTIC_PASSWORD, RESTIC_PASSWORD_FILE or
    RESTIC_PASSWORD_COMMAND, else from git's credential helpers, GIT_ASKPASS or the terminal.

    Settings: remote.NAME.resticPath, resticTag and resticHost choose the snapshots, and resticOption is restic's -o; each
    may be repeated. resticSubfolder names the folder of the snapshot that is the repository, and resticKeepAlive (for
    example 10m) keeps the repository open for the next command. resticCacheDir is restic's --cache-dir; false turns the cache off.
    resticMaintenance=false leaves the stored repository unpacked after a push.

    """

  /// The words of `arguments`, those after the program's name. Nil, with everything said, where only help was asked for.
  ///
  /// `variable`: the variables that say where the configuration file is.
  static func parse(
    _ arguments: [String], _ variable: (String) -> String? = { _ in nil }
  ) throws(HelperError) -> CommandLineWords? {
    switch arguments.first {
    case "--help", "-h":
      StandardOutput.write(Array(usage.utf8))
      return nil
    case "--version":
      StandardOutput.write(Array((Version.line(of: "git-remote-restic") + "\n").utf8))
      return nil
    default:
      guard (1...2).contains(arguments.count) else {
        throw HelperError("git starts this program as `git-remote-restic REMOTE URL`; see --help")
      }
      let url = arguments[arguments.count - 1]
      let remote = arguments[0]
      // Without a name, git passes the URL twice: once with the scheme and once without.
      let isNamed = arguments.count == 2 && remote != url && remote != "restic::\(url)"
      return CommandLineWords(remote: remote, location: try RemoteLocation(url, variable), isNamed: isNamed)
    }
  }
}
