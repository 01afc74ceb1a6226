import ArgumentParser

/// The argument of commands that work on a repository, in the place of `-r`. `RepositoryWord` reads it.
struct RepositoryArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A repository in the place of -r: a mountpoint, or a name in the configuration file.",
      valueName: "mountpoint|name"),
    completion: MountCompletion.withNames)
  var word: String?
}
