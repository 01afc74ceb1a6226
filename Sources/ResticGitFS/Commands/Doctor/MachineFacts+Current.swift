import Glibc
import NamedRepositories
import Platform
import ResticCore
import SystemPackage

extension MachineFacts {
  /// No look takes longer.
  private static let limit = Duration.seconds(10)

  /// This machine as it is now; whatever does not answer in time counts as not there. `cacheFolder`: what --cache-dir says.
  static func current(_ environment: Environment, cacheFolder: String?) async -> MachineFacts {
    var facts = MachineFacts()
    facts.mounting = await Deadline.blocking(limit) { MountingFacts.current() } ?? facts.mounting
    facts.git = await program("git")
    facts.helper = await program("git-remote-restic")
    facts.credentialHelpers = await credentialHelpers()
    let stateHome = environment.stateHome
    facts.state = await Deadline.blocking(limit) { folder(stateHome?.appending("restic-gitfs")) } ?? .missing
    let cache = CachePlace.folder(
      explicit: cacheFolder, variable: environment[.cacheFolder], cacheHome: environment[.cacheHome],
      home: environment[.home])
    facts.cache = await Deadline.blocking(limit) { folder(cache?.absolute()) } ?? .missing
    facts.configuration = configuration(environment)
    await facts.lookAtSessions(stateHome)
    return facts
  }

  private mutating func lookAtSessions(_ stateHome: FilePath?) async {
    // Without /proc no mount can be looked at. The checks of /dev/fuse and of the programs say what is wrong with the machine.
    let mounts = (try? MountTable.load())?.mounts(ownedBy: getuid()).map { MountedDirectory(path: $0.mountpoint) } ?? []
    for mount in mounts {
      // One that does not answer is busy, or stopped: `status` tells.
      if await Deadline.blocking(Self.limit, { mount.isDead }) == true { deadMounts.append(mount.path) }
    }
    mountCount = mounts.count - deadMounts.count
    leftovers =
      await Deadline.blocking(Self.limit) {
        // A folder that cannot be read shows no leftovers. Whether the state folder can be used is a check of its own.
        let folders = (try? stateHome.map { try SessionDirectory.all(stateHome: $0) }) ?? []
        return folders.flatMap { (try? $0.leftovers()) ?? [] }
      } ?? []
  }

  private static func configuration(_ environment: Environment) -> Result<NamedRepositories, ConfigurationError> {
    Result { () throws(ConfigurationError) in
      try NamedRepositories.load { name in Environment.Variable(rawValue: name).flatMap { environment[$0] } }
    }
  }

  /// Whether files can be put into `path`, or into the nearest folder above it that exists. Nothing is made.
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
    guard let path = ProgramSearch.find(name) else { return .missing }
    guard let line = await output(path.string, ["--version"])?.first else { return .silent(path) }
    return .version(path, line)
  }

  private static func credentialHelpers() async -> [String] {
    await output("git", ["config", "--get-all", "credential.helper"]) ?? []
  }

  /// The lines that a program prints; nil if it fails, or takes too long.
  private static func output(_ program: String, _ arguments: [String]) async -> [String]? {
    let result = await Deadline.blocking(limit) {
      // A program that cannot be started prints nothing, as one that fails.
      try? ProgramOutput.of(program, arguments, signals: .unblocked)
    }
    guard let output = result ?? nil, output.end == .exited(0) else { return nil }
    return String(decoding: output.output, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
