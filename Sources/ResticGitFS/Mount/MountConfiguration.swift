import FuseBridge
import ResticCore
import SystemPackage

/// The settings of a mount, from the command line.
struct MountConfiguration: Sendable {
  /// Where to mount: an existing, empty directory.
  var mountpoint: FilePath
  /// Whether the mount is read-only.
  var isReadOnly: Bool
  /// Whether the snapshot is chosen and read under a lock at first: false only for a read-only mount.
  var takesLock = true
  /// The snapshot to show.
  var selection: SnapshotSelection
  /// Whether a mount without a snapshot begins with a bare git repository.
  var createsBareRepository: Bool
  /// The source in the mount table.
  var fileSystemName: String
  /// Whether users other than the mounting one have access.
  var allowsOther = false
  /// Whether files can be run as programs.
  var allowsExecution = false
  /// More options for mount(8), each as after one `-o`.
  var otherOptions: [String] = []
  /// Whether the mount serves one program, which requests its commits: conflicting changes by others make a commit
  /// fail, the end of the mount drops what was not synced, and the mountpoint is removed with it.
  var isForOneProgram = false
  /// The folder that the program uses as a git repository, from the root.
  var gitFolder: [Name] = []
  /// Whether the program works on all repositories that are found, instead of the one in `gitFolder`.
  var findsRepositories = false
  /// Whether git's configuration files are shown without commands and paths, and cannot be changed.
  var showsSafeConfiguration = false
  /// The object format of a new bare repository.
  var objectFormat = ObjectFormat.sha1
  /// Whether the mount stays for another program afterwards (`KeepAlive`).
  var staysForNext = false
  /// How long after the last change a commit is made automatically; nil: never.
  var commitAfter: Duration?
  /// The interval in which programs can make one snapshot by syncing the root.
  var fsyncInterval: Duration = .seconds(30)
  /// Which snapshots are kept after a commit. An empty policy keeps all.
  var retention = RetentionPolicy()
  /// How often an unchanged mount looks for a newer snapshot; nil: never.
  var refreshInterval: Duration? = .seconds(30)
  /// The limits above which git repositories are packed; nil: only on request.
  var housekeeping: HousekeepingLimits? = HousekeepingLimits()
  /// How long after the last change that happens.
  var housekeepingQuiet: Duration = .seconds(30)
  /// How much memory to use.
  var memory = MemoryBudget.standard
  /// Whether an older state of the storage than this machine has seen is accepted.
  var acceptsRollback = false
  /// How long to wait for a conflicting lock.
  var retryLock: Duration
  /// Whether standard output reports in JSON that the mount is ready.
  var announcesInJSON = false
  /// The file for the mount's metrics for Prometheus; nil: none.
  var metricsFile: FilePath?
  /// Where every change of the tree is traced (`ChangeTrace`).
  var trace: String?
  /// The identity in the snapshots.
  var identity: SnapshotIdentity

  /// The options for FUSE.
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

  /// Which files of the mount are served.
  var rules: ServingRules {
    if isForOneProgram { return .forGit }
    return ServingRules(showsSafeConfiguration: showsSafeConfiguration)
  }
}
