/// Which snapshots are kept after a push.
extension RemoteConfiguration {
  private static let prefix = "--keep-"

  /// What `remote.NAME.resticKeep` says, as options for `restic-gitfs mount`, which looks at the values. Each value of the variable
  /// holds options of `restic forget`, with or without the dashes in front: `--keep-last 10 --keep-within=1y`, `keep-daily 7`.
  func keepArguments() throws(HelperError) -> [String] {
    var arguments: [String] = []
    for text in keep {
      var words = text.split { $0 == " " || $0 == "\t" || $0 == "\n" }[...]
      while let word = words.popFirst() {
        let option = word.hasPrefix("keep-") ? "--\(word)" : String(word)
        guard option.hasPrefix(Self.prefix) else { throw refusal(text) }
        guard !option.contains("=") else {
          arguments.append(option)
          continue
        }
        guard let value = words.popFirst() else { throw refusal(text) }
        arguments.append("\(option)=\(value)")
      }
    }
    return arguments
  }

  private func refusal(_ text: String) -> HelperError {
    refusal(
      "resticKeep", text,
      "it takes options of `restic forget` that keep snapshots, for example --keep-last 10 --keep-within 1y")
  }
}
