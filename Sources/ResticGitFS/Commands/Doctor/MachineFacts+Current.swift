import Glibc
import NamedRepositories
import Platform
import ResticCore
import SystemPackage

extension MachineFacts {
  /// The time limit of each check.
  private static let limit = Duration.seconds(10)
  /// A version or a list of credential helpers is shorter.
  private static let outputByteLimit = 1 << 16

  /// The facts about this machine now. Whatever does not answer in time counts as missing. `cacheFolder` is the value
  /// of --cache-dir.
  static func current(_ environment: Environment, cacheFolder: String?) async -> MachineFacts {
    var facts = MachineFacts()
    facts.mounting = await Deadline.blocking(limit) { MountingFacts.current() } ?? facts.mounting
    async let (git, helper, helpers) = (program("git"), program("git-remote-restic"), credentialHelpers())
    (facts.git, facts.helper, facts.credentialHelpers) = await (git, helper, helpers)
    facts.missingHelpers = await missing(helpers)
    let stateHome = environment.stateHome
    facts.state = await Deadline.blocking(limit) { folder(stateHome?.appending("restic-gitfs")) } ?? .missing
    let cache = CachePlace.folder(
      explicit: cacheFolder, variable: environment[.cacheFolder], cacheHome: environment[.cacheHome],
      home: environment[.home])
    facts.cache = await Deadline.blocking(limit) { folder(cache?.absolute()) } ?? .missing
    facts.configuration =
      await Deadline.blocking(limit) { configuration(environment) }
      ?? .failure(ConfigurationError("a configuration file, or the folder that holds it, does not answer"))
    await facts.lookAtMounts()
    await facts.lookAtSessions(stateHome)
    return facts
  }

  private mutating func lookAtMounts() async {
    let table: MountTable
    do {
      table = try MountTable.load()
    } catch {
      mountTableError = "\(error)"
      return
    }
    let mounts = table.mounts(ownedBy: getuid()).map { MountedDirectory(path: $0.mountpoint) }
    // All mounts are checked at once, so several that hang cost the time of one.
    let looks = mounts.map { mount in Task { await Deadline.blocking(Self.limit) { mount.isDead } } }
    for (mount, look) in zip(mounts, looks) {
      switch await look.value {
      case true?: deadMounts.append(mount.path)
      case false?: mountCount += 1
      case nil: silentMounts.append(mount.path)
      }
    }
  }

  private mutating func lookAtSessions(_ stateHome: FilePath?) async {
    guard let stateHome else { return }
    let found = await Deadline.blocking(Self.limit) {
      Result { () throws(Errno) in
        var files: [FilePath] = []
        for folder in try SessionDirectory.all(stateHome: stateHome) { files += try folder.leftovers() }
        return files
      }
    }
    switch found {
    case .success(let files)?: leftovers = files
    case .failure(let error)?: sessionError = error
    case nil: sessionError = .timedOut
    }
  }

  private static func configuration(_ environment: Environment) -> Result<NamedRepositories, ConfigurationError> {
    Result { () throws(ConfigurationError) in
      try NamedRepositories.load { name in Environment.Variable(rawValue: name).flatMap { environment[$0] } }
    }
  }

  /// Whether files can be created in `path`, or in the nearest folder above it that exists. Creates nothing.
  private static func folder(_ path: FilePath?) -> Folder {
    guard let path else { return .missing }
    var existing = path
    while existing.withPlatformString({ access($0, F_OK) }) != 0, errno == ENOENT, !existing.components.isEmpty {
      existing.removeLastComponent()
    }
    return existing.withPlatformString { access($0, W_OK | X_OK) } == 0
      ? .writable(path) : .refused(existing, Errno(rawValue: errno))
  }

  private static func program(_ name: String) async -> Program {
    guard let path = await Deadline.blocking(limit, { ProgramSearch.find(name) }) ?? nil else { return .missing }
    guard let line = await output(path.string, ["--version"])?.first else { return .silent(path) }
    return .version(path, line)
  }

  /// The credential helpers in git's configuration. An empty value removes all before it.
  private static func credentialHelpers() async -> [String] {
    let texts = await output("git", ["config", "--null", "--get-all", "credential.helper"], separator: "\0") ?? []
    // The text ends with a NUL, so the last element is empty.
    let values = texts.dropLast()
    return Array(values[(values.lastIndex(of: "").map { $0 + 1 } ?? values.startIndex)...])
  }

  /// The programs of `helpers` that are neither on PATH nor in git's own folder. A helper with a `!` is a shell
  /// command.
  private static func missing(_ helpers: [String]) async -> [String] {
    let names = helpers.compactMap { helper -> String? in
      guard let word = helper.split(separator: " ").first, !word.hasPrefix("!") else { return nil }
      return word.hasPrefix("/") ? String(word) : "git-credential-\(word)"
    }
    guard !names.isEmpty, let folder = await output("git", ["--exec-path"])?.first else { return [] }
    return await Deadline.blocking(limit) {
      names.filter { name in
        ProgramSearch.find(name) == nil && (name.contains("/") || ProgramSearch.find("\(folder)/\(name)") == nil)
      }
    } ?? []
  }

  /// The lines that a program prints; nil if it cannot be started, fails, or takes too long. A program that takes too
  /// long is ended.
  private static func output(
    _ program: String, _ arguments: [String], separator: Character = "\n"
  ) async -> [String]? {
    let result = await BlockingExecutor(threadCount: 1).run {
      Result { () throws(Errno) in
        try ProgramOutput.of(
          program, arguments, signals: .unblocked,
          limits: ProgramLimits(deadline: .now.advanced(by: limit), outputByteLimit: outputByteLimit))
      }
    }
    // The advice tells the user to run the program, which then prints the reason itself.
    guard case .success(let output) = result, output.end == .exited(0) else { return nil }
    return String(decoding: output.output, as: UTF8.self).split(
      separator: separator, omittingEmptySubsequences: separator == "\n"
    ).map(String.init)
  }
}
