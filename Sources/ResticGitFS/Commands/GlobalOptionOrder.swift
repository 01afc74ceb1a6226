/// Lets options stand before the command, as restic does: `restic-gitfs -r /srv/vault mount ~/vault`.
///
/// ArgumentParser wants a command's options behind its name, so they are moved there.
enum GlobalOptionOrder {
  /// The options that a command may share with others and that take their value from the next argument.
  private static let optionsWithValue: Set<String> = [
    "-r", "--repo", "--repository-file", "-p", "--password-file", "--password-command", "--key-hint", "--log-file",
    "--log-format",
    "--retry-lock", "--compression", "--pack-size", "-o", "--option", "--cacert", "--tls-client-cert",
    "--http-user-agent", "--stuck-request-timeout", "--limit-upload", "--limit-download",
  ]

  /// Options that are whole command lines. Those of completion take the next arguments for themselves.
  private static let wholeLines: Set<String> = [
    "-h", "--help", "--version", "--", "--generate-completion-script", "---completion",
  ]

  /// `arguments` with the command's name first; unchanged where there is none, or something else is asked for than a command.
  static func commandFirst(_ arguments: [String]) -> [String] {
    var index = arguments.startIndex
    while index < arguments.endIndex {
      let argument = arguments[index]
      if wholeLines.contains(argument) { return arguments }
      guard argument.hasPrefix("-") else {
        return [argument] + arguments[..<index] + arguments[(index + 1)...]
      }
      index += optionsWithValue.contains(argument) ? 2 : 1
    }
    return arguments
  }
}
