import Glibc
import ResticCore
import SystemPackage

/// The environment variables that the program reads, as they were at its start.
///
/// RESTIC_PASSWORD is not among them: `takePassword` moves it to guarded memory.
struct Environment: Sendable {
  /// A variable; the raw value is its name.
  enum Variable: String, CaseIterable, Sendable {
    case repository = "RESTIC_REPOSITORY"
    case repositoryFile = "RESTIC_REPOSITORY_FILE"
    case passwordFile = "RESTIC_PASSWORD_FILE"
    case passwordCommand = "RESTIC_PASSWORD_COMMAND"
    case keyHint = "RESTIC_KEY_HINT"
    case host = "RESTIC_HOST"
    case compression = "RESTIC_COMPRESSION"
    case packSize = "RESTIC_PACK_SIZE"
    case restUser = "RESTIC_REST_USERNAME"
    case restPassword = "RESTIC_REST_PASSWORD"
    case authorities = "RESTIC_CACERT"
    case clientCertificate = "RESTIC_TLS_CLIENT_CERT"
    case userAgent = "RESTIC_HTTP_USER_AGENT"
    case cacheFolder = "RESTIC_CACHE_DIR"
    case cacheHome = "XDG_CACHE_HOME"
    case stateHome = "XDG_STATE_HOME"
    case configuration = "RESTIC_GITFS_CONFIG"
    case configurationHome = "XDG_CONFIG_HOME"
    case home = "HOME"
    case runtimeFolder = "XDG_RUNTIME_DIR"
    case journalStream = "JOURNAL_STREAM"
    case trace = "RESTIC_GITFS_TRACE"
    case terminalPrompt = "GIT_TERMINAL_PROMPT"
  }

  private static let passwordVariable = "RESTIC_PASSWORD"
  private let values: [Variable: String]

  /// The rules in HTTP_PROXY and related variables.
  let proxies: ProxyRules
  /// The values of AWS_ACCESS_KEY_ID and related variables.
  let s3: S3Environment

  /// An environment of `values`; empty values count as unset, as in restic.
  init(_ values: [Variable: String], proxies: ProxyRules = ProxyRules(), s3: S3Environment = S3Environment()) {
    self.values = values.filter { !$0.value.isEmpty }
    self.proxies = proxies
    self.s3 = s3
  }

  /// The process's environment.
  static func current() -> Environment {
    let found = Variable.allCases.compactMap { variable in
      getenv(variable.rawValue).map { (variable, String(cString: $0)) }
    }
    func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    return Environment(
      Dictionary(uniqueKeysWithValues: found), proxies: ProxyRules(value), s3: S3Environment(value))
  }

  /// The same, without the variables that name a repository.
  var withoutRepository: Environment {
    let others = values.filter { $0.key != .repository && $0.key != .repositoryFile }
    return Environment(others, proxies: proxies, s3: s3)
  }

  /// The value of `variable`, or nil if it is not set or empty.
  subscript(variable: Variable) -> String? { values[variable] }

  /// The folder in which programs keep state (`StateHome`); nil if there is none.
  var stateHome: FilePath? {
    StateHome.find(explicit: self[.stateHome], home: self[.home], runtime: self[.runtimeFolder])
  }

  /// Whether the terminal may be used for questions: GIT_TERMINAL_PROMPT, with git's spellings of false.
  var allowsTerminalPrompt: Bool {
    !["0", "false", "no", "off"].contains(self[.terminalPrompt]?.lowercased())
  }

  /// Removes RESTIC_PASSWORD from the environment: children do not inherit it, and /proc no longer shows it. Nil if it
  /// is unset or empty.
  ///
  /// Call it before other threads read the environment.
  static func takePassword() -> SecureBytes? {
    guard let value = getenv(passwordVariable) else { return nil }
    let count = strlen(value)
    let password = SecureBytes(copying: UnsafeRawBufferPointer(start: value, count: count))
    explicit_bzero(value, count)
    unsetenv(passwordVariable)
    return count > 0 ? password : nil
  }
}
