import FuseBridge
import ResticCore
import SystemPackage

/// What the command line says of a mount.
struct MountConfiguration: Sendable {
  /// Where to mount: an existing, empty directory.
  var mountpoint: FilePath
  /// Whether nothing can be changed.
  var isReadOnly: Bool
  /// Whether the snapshot is chosen and read first under a lock: no for a read-only mount only.
  var takesLock = true
  /// What to show.
  var selection: SnapshotSelection
  /// Whether a mount without a snapshot begins with a bare git repository.
  var createsBareRepository: Bool
  /// What the mount table names as the source.
  var fileSystemName: String
  /// Whether other users than the mounting one get in.
  var allowsOther = false
  /// Whether files can be run as programs.
  var allowsExecution = false
  /// More options for mount(8), each as after one `-o`.
  var otherOptions: [String] = []
  /// Whether the mount is there for one program, which asks for its commits: what others changed differently meanwhile makes
  /// a commit fail, the end of the mount drops what was not synced, and the mountpoint goes with it.
  var isForOneProgram = false
  /// The folder that the program takes for a git repository, from the root.
  var gitFolder: [Name] = []
  /// Whether the program works on all repositories that are found, and not on the one in `gitFolder`.
  var findsRepositories = false
  /// Whether git's configuration files are shown without commands and paths, and can't be changed.
  var showsSafeConfiguration = false
  /// The object format of a new bare repository.
  var objectFormat = ObjectFormat.sha1
  /// Whether it stays for another program after that one (`KeepAlive`).
  var staysForNext = false
  /// How long after the last change a commit is made by itself; nil: never.
  var commitAfter: Duration?
  /// How many snapshots programs can make by syncing the root: one in so long.
  var fsyncInterval: Duration = .seconds(30)
  /// Which snapshots are kept after a commit. A policy that says nothing keeps all.
  var retention = RetentionPolicy()
  /// How often a mount without changes looks for a newer snapshot; nil: never.
  var refreshInterval: Duration? = .seconds(30)
  /// From how many files on git repositories are put in order; nil: only when somebody asks for it.
  var housekeeping: HousekeepingLimits? = HousekeepingLimits()
  /// How long after the last change that is done.
  var housekeepingQuiet: Duration = .seconds(30)
  /// How much memory to use.
  var memory = MemoryBudget.standard
  /// Whether an older state of the storage than this machine has seen is accepted.
  var acceptsRollback = false
  /// How long to wait for a lock that stands in the way.
  var retryLock: Duration
  /// Whether JSON on standard output tells that the mount is ready.
  var announcesInJSON = false
  /// Where the mount's figures are written for Prometheus; nil: nowhere.
  var metricsFile: FilePath?
  /// Where every change of the tree is told (`ChangeTrace`).
  var trace: String?
  /// Who makes the snapshots.
  var identity: SnapshotIdentity

  /// How to mount.
  var fuseOptions: FuseMountOptions {
    var options = FuseMountOptions(fileSystemName: fileSystemName)
    options.readOnly = isReadOnly
    options.allowOther = allowsOther
    options.allowExecution = allowsExecution
    options.additionalOptions = otherOptions
    // Each thread has a stack and memory for a request.
    if MemoryRoom.countsStacks { options.maximumThreadCount = 32 }
    return options
  }

  /// What is served of what the mount holds.
  var rules: ServingRules {
    if isForOneProgram { return .forGit }
    return ServingRules(showsSafeConfiguration: showsSafeConfiguration)
  }
}
