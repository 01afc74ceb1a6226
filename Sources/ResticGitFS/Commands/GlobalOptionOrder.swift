/// Allows options before the command, as restic does: `restic-gitfs -r /srv/vault mount ~/vault`.
///
/// ArgumentParser requires a command's options after its name, so this moves them there.
enum GlobalOptionOrder {
  /// Options that several commands have and that take their value from the next argument.
  private static let optionsWithValue: Set<String> = [
    "-r", "--repo", "--repository-file", "-p", "--password-file", "--password-command", "--key-hint", "--log-file",
    "--log-format",
    "--retry-lock", "--compression", "--pack-size", "-o", "--option", "--cacert", "--tls-client-cert",
    "--http-user-agent", "--stuck-request-timeout", "--limit-upload", "--limit-download",
  ]

  /// Options that are whole command lines. Those of completion consume the next arguments.
  private static let wholeLines: Set<String> = [
    "-h", "--help", "--version", "--", "--generate-completion-script", "---completion",
  ]

  /// `arguments` with the command's name first; unchanged if there is none, or if something else than a command is
  /// requested.
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
