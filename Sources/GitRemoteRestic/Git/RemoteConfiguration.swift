import Platform

/// The settings of the remote in the client's git configuration.
struct RemoteConfiguration: Hashable, Sendable {
  /// The remote's name; nil: it has none, and so no settings.
  private(set) var name: String?
  /// protocol.version: the protocol that the client prefers.
  var protocolVersion = 2
  /// remote.NAME.resticHost, resticTag and resticPath: the snapshot to use, as `--host`, `--tag` and `--path` choose it.
  var hosts: [String] = []
  var tags: [String] = []
  var paths: [String] = []
  /// remote.NAME.resticSubfolder: the folder of the snapshot that is the repository; empty: its root.
  var folder = ""
  /// remote.NAME.resticOption: options of the storage, as for restic's `-o`.
  var options: [String] = []
  /// remote.NAME.resticAcceptRollback: whether an older state of the storage than this machine has seen is accepted.
  var acceptsRollback = false
  /// remote.NAME.resticKeepAlive: how long a mount stays after a command, as a duration of `restic-gitfs`; nil: it does
  /// not stay.
  var keepAlive: String?

  /// remote.NAME.resticKeep: which snapshots are kept after a push, as options of `restic forget`: `--keep-last 10 --keep-daily 7`.
  var keep: [String] = []

  /// remote.NAME.resticCacheDir: the folder of caches, `false` for none; nil: the default of `restic-gitfs`.
  var cacheFolder: String?

  /// remote.NAME.resticMaintenance: whether a push may leave packing the stored repository to the mount.
  var isMaintained = true

  private static let offValues: Set<String> = ["", "0", "no", "off", "false"]
  private static let onValues: Set<String> = ["1", "yes", "on", "true"]
  /// What is wrong with a setting that is true or false; nil: nothing.
  private var switchProblem: String?

  /// The configuration that git itself sees, for the remote `name`; nil for a remote without a name.
  static func load(remote name: String?, environment: ProcessEnvironment) throws(HelperError) -> RemoteConfiguration {
    let result = try GitCommand(["config", "--list", "-z"], environment: environment).run()
    guard result.isSuccess else {
      throw HelperError("git cannot read its configuration: \(result.errorOutput.split(separator: "\n").last ?? "")")
    }
    let configuration = RemoteConfiguration(parsing: result.output, remote: name)
    try configuration.check()
    return configuration
  }

  /// The error that `value` of the setting `key` is not `expected`.
  func refusal(_ key: String, _ value: String, _ expected: String) -> HelperError {
    HelperError(refusalText(key, value, expected))
  }

  private func refusalText(_ key: String, _ value: String, _ expected: String) -> String {
    "remote.\(name ?? "NAME").\(key) is '\(value)'; \(expected)"
  }

  /// Refuses values that no program looks at later. A relative folder of caches: git runs the helper in the work tree,
  /// where such a folder would be made.
  func check() throws(HelperError) {
    if let switchProblem { throw HelperError(switchProblem) }
    if let keepAlive, !Duration.isSpelled(by: keepAlive) {
      throw refusal("resticKeepAlive", keepAlive, "it must be a duration, for example 10m, or false")
    }
    guard let cacheFolder, !Self.offValues.contains(cacheFolder.lowercased()), !cacheFolder.hasPrefix("/") else {
      return
    }
    throw refusal("resticCacheDir", cacheFolder, "it must be an absolute path, or false")
  }

  /// Parses the output of `git config --list -z`: `section.name.key`, newline, value, NUL; without newline and value
  /// for a key alone. The last value counts, except for variables that may be repeated.
  init(parsing bytes: [UInt8], remote name: String?) {
    self.name = name
    for entry in bytes.split(separator: 0) {
      let parts = String(decoding: entry, as: UTF8.self).split(
        separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? String(parts[1]) : ""
      if parts[0] == "protocol.version" {
        protocolVersion = Int(value).flatMap { (0...2).contains($0) ? $0 : nil } ?? protocolVersion
      }
      guard let name, let key = Self.key(parts[0], ofRemote: name) else { continue }
      switch key {
      case "restichost": hosts.append(value)
      case "restictag": tags.append(value)
      case "resticpath": paths.append(value)
      case "resticsubfolder": folder = value
      case "resticoption": options.append(value)
      case "resticcachedir": cacheFolder = value
      case "resticmaintenance": isMaintained = isOn("resticMaintenance", parts.count > 1 ? value : nil)
      case "restickeep": keep.append(value)
      case "resticacceptrollback": acceptsRollback = isOn("resticAcceptRollback", parts.count > 1 ? value : nil)
      case "restickeepalive": keepAlive = Self.offValues.contains(value.lowercased()) ? nil : value
      default: break
      }
    }
  }

  /// Whether `value` of the setting `key` is true, as git reads it; a key without a value is. The last value that is
  /// neither true nor false is noted.
  private mutating func isOn(_ key: String, _ value: String?) -> Bool {
    guard let value else { return true }
    if Self.offValues.contains(value.lowercased()) { return false }
    if Self.onValues.contains(value.lowercased()) { return true }
    // git takes any number but 0 for true.
    if Int64(value) == nil { switchProblem = refusalText(key, value, "it must be true or false") }
    return true
  }

  /// By which `restic-gitfs mount` names the settings where it refuses a value.
  var nameArguments: [String] { name.map { ["--remote-name=\($0)"] } ?? [] }

  /// The options for `restic-gitfs mount`, which checks their values.
  var mountArguments: [String] {
    hosts.map { "--host=\($0)" } + tags.map { "--tag=\($0)" } + paths.map { "--path=\($0)" }
      + options.map { "--option=\($0)" } + (folder.isEmpty ? [] : ["--git-folder=\(folder)"]) + cacheArguments
  }

  private var cacheArguments: [String] {
    guard let cacheFolder else { return [] }
    return Self.offValues.contains(cacheFolder.lowercased()) ? ["--no-cache"] : ["--cache-dir=\(cacheFolder)"]
  }

  /// The key, in lower case, of a variable of the remote `name`; nil for another variable.
  private static func key(_ variable: Substring, ofRemote name: String) -> Substring? {
    let prefix = "remote.\(name)."
    guard variable.hasPrefix(prefix) else { return nil }
    let key = variable.dropFirst(prefix.count)
    return key.contains(".") ? nil : key
  }
}
