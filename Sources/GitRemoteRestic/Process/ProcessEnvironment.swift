import Glibc

/// The environment variables for starting a process.
struct ProcessEnvironment: Sendable {
  private(set) var values: [String: String]
  /// The password, which `values` does not have.
  private let password: HeldPassword?
  /// Whether a process started with this environment also gets the password.
  private var includesPassword = false

  /// The variables of this process. RESTIC_PASSWORD is removed: only `forMount(of:)` passes it on.
  static func current() -> ProcessEnvironment {
    let password = HeldPassword.take()
    var values: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let words = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if words.count == 2 { values[String(words[0])] = String(words[1]) }
      entry += 1
    }
    return ProcessEnvironment(values: values, password: password)
  }

  /// Variables without a password.
  init(values: [String: String]) {
    self.init(values: values, password: nil)
  }

  private init(values: [String: String], password: HeldPassword?) {
    self.values = values
    self.password = password
  }

  /// Calls `body` with `NAME=value` of every variable, as exec(2) takes them; the pointers are valid during the call only.
  func withWords<Result, Failure: Error>(
    _ body: (inout [UnsafeMutablePointer<CChar>?]) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let copies = words.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    var all = copies
    if includesPassword, let word = password?.word { all.append(word) }
    all.append(nil)
    defer { withExtendedLifetime(password) {} }
    return try body(&all)
  }

  /// From now on, no started process gets the password, and this process has dropped it.
  func forgetPassword() {
    password?.wipe()
  }

  /// The value of a variable; nil if it is empty, as in restic.
  subscript(name: String) -> String? {
    get { values[name].flatMap { $0.isEmpty ? nil : $0 } }
    set { values[name] = newValue }
  }

  /// `NAME=value` of every variable except the password.
  var words: [String] { values.map { "\($0)=\($1)" } }

  /// For a mount of the repository at `location`, which may contain a password that no list of processes may show:
  /// restic's variables name this repository, and no other.
  func forMount(of location: RemoteLocation) -> ProcessEnvironment {
    var result = self
    result.includesPassword = true
    result.values["RESTIC_REPOSITORY"] = location.argument
    result.values["RESTIC_REPOSITORY_FILE"] = nil
    return result
  }

  /// For a git server program: without the variables of the client's repository, as git itself starts one, without
  /// restic's variables and a storage's keys, and without permission to use the network.
  /// Source: environment.c of git 2.39, local_repo_env; git-config(1), protocol.allow; git(1), GIT_NO_LAZY_FETCH.
  func forServer(protocolVersion: Int) -> ProcessEnvironment {
    var result = self
    result.includesPassword = false
    for name in Self.ofClientRepository { result.values[name] = nil }
    for name in values.keys where Self.ofStorageAndClient.contains(where: name.hasPrefix) { result.values[name] = nil }
    // A repository could name a remote to fetch missing objects from, and a command to reach it.
    result.values["GIT_NO_LAZY_FETCH"] = "1"
    result.values["GIT_ALLOW_PROTOCOL"] = "none"
    result.values["GIT_TERMINAL_PROMPT"] = "0"
    result.values["GIT_PROTOCOL"] = protocolVersion > 0 ? "version=\(protocolVersion)" : nil
    return result
  }

  /// `forServer`, for examining everything that exists: no replacement objects, and no history that is cut off.
  /// Source: git(1), GIT_NO_REPLACE_OBJECTS, GIT_SHALLOW_FILE; gitrepository-layout(5), info/grafts.
  var withoutSubstitutes: ProcessEnvironment {
    var result = self
    result.values["GIT_NO_REPLACE_OBJECTS"] = "1"
    result.values["GIT_SHALLOW_FILE"] = ""
    // git warns about an existing file.
    result.values["GIT_GRAFT_FILE"] = "/dev/null/none"
    return result
  }

  /// The prefixes of variables' names.
  private static let ofStorageAndClient = [
    "RESTIC_", "RCLONE_", "AWS_", "MINIO_", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_",
  ]
  private static let ofClientRepository = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR",
    "GIT_INTERNAL_SUPER_PREFIX", "GIT_QUARANTINE_PATH", "GIT_NAMESPACE", "GIT_EXTERNAL_DIFF",
  ]
}
