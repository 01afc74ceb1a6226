/// The options of one mount as mount(8) hands them on: from a line of /etc/fstab, or from `mount -o`.
///
/// What `restic-gitfs mount` takes as `--name` or `--name=value` is an option here without the dashes, with `_` as good as
/// `-`. All others are for `mount -o`, which ignores those that mount(8) and systemd read themselves.
struct FstabOptions: Hashable, Sendable {
  /// The options of `restic-gitfs mount` with a value that may stand in /etc/fstab.
  static let optionsWithValue: Set<String> = [
    "repository-file", "password-file", "password-command", "key-hint", "retry-lock", "cache-dir", "cacert",
    "tls-client-cert", "http-user-agent", "stuck-request-timeout", "limit-upload", "limit-download", "host", "tag",
    "path", "compression", "pack-size", "memory-limit", "log-file", "snapshot", "commit-after", "fsync-interval",
    "refresh", "log-format", "metrics-file", "keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly",
    "keep-yearly", "keep-within", "keep-within-hourly", "keep-within-daily", "keep-within-weekly",
    "keep-within-monthly", "keep-within-yearly", "keep-tag", "maintenance-packfiles", "maintenance-references",
    "maintenance-objects", "maintenance-quiet",
  ]
  /// Those without one. `allow-other` and `exec` are options of `mount -o` as well.
  static let flags: Set<String> = [
    "no-cache", "cleanup-cache", "insecure-tls", "quiet", "verbose", "read-only", "no-lock", "no-git-init",
    "safe-config", "no-maintenance", "accept-rollback",
  ]
  /// Those that make no sense there: `LOCATION` and `-o` stand in fields of their own, and the process of a mount that mount(8)
  /// waits for has to leave it.
  static let others: Set<String> = ["repo", "option", "foreground", "allow-other", "exec", "version", "help", "json"]

  /// When files were read is not kept, so whatever is said of that is done.
  private static let accessTimes: Set<String> = [
    "atime", "diratime", "relatime", "norelatime", "strictatime", "nostrictatime", "lazytime", "nolazytime",
  ]
  /// Variables that hold what must not be seen by others, as /etc/fstab and arguments are.
  private static let secretVariables: Set<String> = [
    "RESTIC_PASSWORD", "RESTIC_REST_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
  ]
  private static let secretOptions: Set<String> = ["password", "pass", "passphrase"]

  private let isSloppy: Bool
  /// For the command line, behind `mount`.
  private(set) var arguments: [String] = []
  /// What is to be set in the environment, `env.NAME=value`.
  private(set) var variables: [String: String] = [:]
  /// The user whose mount it is to be, `setuid=NAME`.
  private(set) var user: String?
  /// Whether a file names the location.
  private(set) var hasRepositoryFile = false

  /// The options that `texts`, each from one `-o`, hold. `isSloppy`: those that nobody knows are left out (`mount -s`).
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
    case _ where Self.secretOptions.contains(name):
      throw CommandError(
        "-o \(name): others can read /etc/fstab and the arguments of a program; name a file with password-file=FILE")
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

  /// `text` cut at its commas. A comma in double quotes, or after a backslash, is one of a value; quotes are left out, as
  /// are backslashes before a comma, a quote and a backslash.
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
