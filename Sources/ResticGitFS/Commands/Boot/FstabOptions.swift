/// The options of one mount as mount(8) passes them on: from a line of /etc/fstab, or from `mount -o`.
///
/// A `--name` or `--name=value` option of `restic-gitfs mount` is an option here without the dashes; `_` may replace
/// `-`. All other options are passed to `mount -o`, which ignores those that are meant for mount(8) and systemd.
struct FstabOptions: Hashable, Sendable {
  /// The options of `restic-gitfs mount` with a value that are allowed in /etc/fstab.
  static let optionsWithValue: Set<String> = [
    "repository-file", "password-file", "password-command", "key-hint", "retry-lock", "cache-dir", "cacert",
    "tls-client-cert", "http-user-agent", "stuck-request-timeout", "limit-upload", "limit-download", "host", "tag",
    "path", "compression", "pack-size", "memory-limit", "log-file", "snapshot", "commit-after", "fsync-interval",
    "refresh", "log-format", "metrics-file", "keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly",
    "keep-yearly", "keep-within", "keep-within-hourly", "keep-within-daily", "keep-within-weekly",
    "keep-within-monthly", "keep-within-yearly", "keep-tag", "maintenance-packfiles", "maintenance-references",
    "maintenance-objects", "maintenance-quiet",
  ]
  /// The options without a value that are allowed there. `allow-other` and `exec` are options of `mount -o` as well.
  static let flags: Set<String> = [
    "no-cache", "cleanup-cache", "insecure-tls", "quiet", "verbose", "read-only", "no-lock", "no-git-init",
    "safe-config", "no-maintenance", "accept-rollback",
  ]
  /// Options that make no sense there: `LOCATION` and `-o` have their own fields, and a mount that mount(8) waits for
  /// must detach from mount(8).
  static let others: Set<String> = ["repo", "option", "foreground", "allow-other", "exec", "version", "help", "json"]

  /// Options about access times, which need no work: the file system keeps no access times.
  private static let accessTimes: Set<String> = [
    "atime", "diratime", "relatime", "norelatime", "strictatime", "nostrictatime", "lazytime", "nolazytime",
  ]
  /// Variables with secrets, which other users could see in /etc/fstab and in arguments.
  private static let secretVariables: Set<String> = [
    "RESTIC_PASSWORD", "RESTIC_REST_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
  ]

  private let isSloppy: Bool
  /// The arguments after `mount` on the command line.
  private(set) var arguments: [String] = []
  /// Environment variables to set, from `env.NAME=value`.
  private(set) var variables: [String: String] = [:]
  /// The user who is to own the mount, from `setuid=NAME`.
  private(set) var user: String?
  /// Whether a file names the location.
  private(set) var hasRepositoryFile = false

  /// Parses `texts`, each from one `-o`. With `isSloppy`, unknown options are left out (`mount -s`).
  init(_ texts: [String], isSloppy: Bool = false) throws(CommandError) {
    let all = texts.flatMap(Self.split)
    self.isSloppy = isSloppy || all.contains("sloppy")
    for option in all where !option.isEmpty && option != "sloppy" && !MountOptionList.isForMount(option) {
      let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      try add(parts[0], parts.count > 1 ? parts[1] : nil, option)
    }
  }

  private mutating func add(_ name: String, _ value: String?, _ option: String) throws(CommandError) {
    let longName = name.replacing("_", with: "-")
    switch value {
    case _ where MountOptionList.holdsSecret(option): throw MountOptionList.refusalOfSecret(name)
    case nil where name == "remount":
      throw CommandError("-o remount is not supported: unmount it and mount it again")
    case nil where Self.accessTimes.contains(name): break
    case nil where Self.flags.contains(longName): arguments.append("--\(longName)")
    case let value? where Self.optionsWithValue.contains(longName):
      arguments.append("--\(longName)=\(value)")
      if longName == "repository-file" { hasRepositoryFile = true }
    case let value? where name == "setuid": user = value
    case let value? where name.hasPrefix("env."):
      let variable = String(name.dropFirst("env.".count))
      guard !variable.isEmpty, !Self.secretVariables.contains(variable) else {
        throw CommandError("-o env.\(variable): others can read it there; name a file that holds it instead")
      }
      variables[variable] = value
    default:
      if !isSloppy || MountOptionList.isKnown(option) { arguments += ["-o", option] }
    }
  }

  /// Splits `text` at its commas. A comma in double quotes or after a backslash belongs to a value. Quotes are removed,
  /// and so are backslashes before a comma, a quote or a backslash.
  static func split(_ text: String) -> [String] {
    var options: [String] = []
    var option = ""
    var isQuoted = false
    var rest = Array(text)[...]
    while let character = rest.popFirst() {
      switch character {
      case "\\" where rest.first.map { [",", "\"", "\\"].contains($0) } ?? false: option.append(rest.removeFirst())
      case "\"": isQuoted.toggle()
      case "," where !isQuoted:
        options.append(option)
        option = ""
      default: option.append(character)
      }
    }
    return options + [option]
  }
}
