import Glibc

/// Variables, as a process is started with them.
struct ProcessEnvironment: Sendable {
  private(set) var values: [String: String]
  /// What `values` does not have.
  private let password: HeldPassword?
  /// Whether the process that is started with this gets the password, too.
  private var includesPassword = false

  /// Those of this process. RESTIC_PASSWORD is taken out: only `forMount(of:)` hands it on.
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

  /// From now on no process that is started gets the password, and this one does not know it any more.
  func forgetPassword() {
    password?.wipe()
  }

  /// The value of a variable; nil if it is empty, as restic has it.
  subscript(name: String) -> String? {
    get { values[name].flatMap { $0.isEmpty ? nil : $0 } }
    set { values[name] = newValue }
  }

  /// `NAME=value` of every variable but the password.
  var words: [String] { values.map { "\($0)=\($1)" } }

  /// For a mount of the repository at `location`, which may hold a password that no list of processes is to show: restic's
  /// variables name it, and no other repository.
  func forMount(of location: RemoteLocation) -> ProcessEnvironment {
    var result = self
    result.includesPassword = true
    result.values["RESTIC_REPOSITORY"] = location.argument
    result.values["RESTIC_REPOSITORY_FILE"] = nil
    return result
  }

  /// For a git server program: without what belongs to the client's repository, as git itself starts one, without restic's
  /// variables and a storage's keys, and with nothing allowed that the network would be needed for.
  ///
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

  /// `forServer`, for a look at everything that is there: nothing stands for anything else, and no history ends before its
  /// beginning. Source: git(1), GIT_NO_REPLACE_OBJECTS, GIT_SHALLOW_FILE; gitrepository-layout(5), info/grafts.
  var withoutSubstitutes: ProcessEnvironment {
    var result = self
    result.values["GIT_NO_REPLACE_OBJECTS"] = "1"
    result.values["GIT_SHALLOW_FILE"] = ""
    // git warns of a file that is there.
    result.values["GIT_GRAFT_FILE"] = "/dev/null/none"
    return result
  }

  /// What names of variables begin with.
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
