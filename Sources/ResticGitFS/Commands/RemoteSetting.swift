/// The settings of git's configuration that git-remote-restic passes on as options of `mount`. A person who has set
/// `remote.origin.resticKeep` knows nothing of the option that is refused.
enum RemoteSetting: String, CaseIterable, Sendable {
  case host = "resticHost"
  case tag = "resticTag"
  case path = "resticPath"
  case subfolder = "resticSubfolder"
  case option = "resticOption"
  case keepAlive = "resticKeepAlive"
  case keep = "resticKeep"
  case cacheDirectory = "resticCacheDir"

  /// The option by which `mount` is told the remote's name.
  private static let nameOption = "--remote-name="

  /// How messages name the options that this setting becomes: each begins so.
  private var options: [String] {
    switch self {
    case .host: ["--host"]
    case .tag: ["--tag"]
    case .path: ["--path"]
    case .subfolder: ["--git-folder"]
    case .option: ["option \"", "-o ", "--option"]
    case .keepAlive: ["--keep-alive"]
    case .keep: ["--keep-"]
    case .cacheDirectory: ["--cache-dir", "--no-cache"]
    }
  }

  /// `message`, with the setting in front that holds the refused value, if `arguments` come from git-remote-restic and
  /// the message is about such an option.
  static func naming(_ message: String, arguments: [String]) -> String {
    let options = arguments.prefix { $0 != "--" }
    guard let argument = options.first(where: { $0.hasPrefix(nameOption) }),
      let setting = allCases.first(where: { setting in setting.options.contains { message.contains($0) } })
    else { return message }
    return "remote.\(argument.dropFirst(nameOption.count)).\(setting.rawValue): \(message)"
  }
}
