public import Logging
public import SystemPackage

/// A restic repository, opened with a password: the façade of this module.
///
///     let repository = try await Repository.open(on: backend, password: password)
///     let newest = try await repository.latestSnapshot(matching: filter)
///     try await repository.loadIndex()                    // snapshots first, then the index: never the other way round
///     let tree = try await repository.loadTree(newest.snapshot.tree)
///
/// By topic: `+Create`, `+Open` (keys and config), `+Identity` (the config later on, and the gate for all writes),
/// `+Index`, `+Blobs` (reading), `+Snapshots`; `Uploader` writes, `RepositoryLock` locks. Stored files never change, so
/// all methods may be called from any thread.
///
/// With `Settings.cache`, files are also kept on this machine's disk (`CachingBackend`), as are the snapshots that were
/// read (`SnapshotRecord`). Damage to these files does not affect the repository.
///
/// Lock order: everything that is `Locked` is a leaf; `indexGate` and `identityGate` are held across backend calls and
/// are never entered while a leaf is held. `identityGate` may be entered inside `indexGate`.
public final class Repository: Sendable {
  /// The settings that a user can choose.
  public struct Settings: Sendable {
    /// How hard blobs are compressed; repositories of version 1 have no compression.
    public var compression = CompressionMode.auto
    /// Packs are closed when they have this many bytes; restic allows 4…128 MiB.
    public var packByteCount = 16 << 20
    /// How many closed packs may wait for the storage at once; each is held in memory.
    public var packsInFlight = 3
    /// Whether everything is decoded again before it is stored, as restic does by default.
    public var verifiesWrites = true
    /// How many files are loaded at once.
    public var concurrentLoads = 5
    /// The identity of this client in keys and locks.
    public var identity = ClientIdentity.current
    /// How costly guessing the password of a new key is; nil: the cost that takes half a second here.
    public var scryptCost: ScryptCost?
    /// Where caches are kept; nil: nowhere.
    public var cache: CachePlace?
    /// The folder with a folder for each repository, which records what this machine has seen of the repository; nil:
    /// none.
    public var stateFolder: FilePath?
    /// Where waiting calls note what they wait for.
    public var waiting = WaitingNotes()
    /// Counts loads that the cache answered or could have answered.
    public var traffic = TrafficCounter()
    /// Records the progress of loading the index.
    public var loading = LoadingProgress()
    /// Where warnings go.
    public var logger = Logger(label: "restic")

    /// The defaults, which are restic's.
    public init() {}
  }

  /// The files: the storage, with the cache in front of it if there is one.
  public let backend: any Backend
  /// The storage itself.
  let storage: any Backend
  /// Cuts files into chunks where restic would.
  public let chunker: Chunker
  /// The key that the password opened.
  public let keyID: KeyID
  /// What the user chose.
  public let settings: Settings

  let masterKey: MasterKey
  /// The repository's cache on this machine's disk.
  let cache: RepositoryCache?
  /// The sizes of snapshot and index files that this process knows, by name.
  let knownSizes = Locked<[BackendFileType: [String: Int]]>([:])
  let snapshotRecord: SnapshotRecord?
  /// The index files that were read once, here or by another process of this machine.
  let indexRecord: IndexRecord?
  /// What this machine has seen of the repository.
  public let seen: SeenMemory
  /// Files that the opening has read and nobody has used yet; see `endOpening`.
  let openingReads: Locked<OpeningReads?>
  /// The config as it was last read. Only `confirmIdentity` changes it, and only its version.
  let knownConfig: Locked<Config>
  /// When the config was last confirmed.
  let lastLook = Locked<ContinuousClock.Instant?>(nil)
  /// If several tasks want to check the config before they store something, one of them checks.
  let identityGate = ConnectionGate(connections: 1)
  /// Everything that is known about blobs.
  let directory = Locked(BlobDirectory())
  /// Trees that are loaded before they are needed.
  let treesAhead = TreesAhead()
  /// Only one task at a time loads or saves index files.
  let indexGate = AsyncGate()
  /// Called before an index file is written (`guardIndexFiles`).
  let indexGuard = Locked<(@Sendable () async throws(RepositoryError) -> Void)?>(nil)
  /// Snapshots that were read or saved; the content of an id never changes.
  let knownSnapshots = Locked(KnownSnapshots())
  /// Snapshot and index files that could not be read; see `note`.
  let damagedFiles = Locked<[BackendFile: KnownDamage]>([:])
  /// Lock files that were read, and those of this process; a lock file never changes.
  let knownLocks = Locked<[LockID: LockSurvey.Found]>([:])
  /// Lock files that the storage refused to remove; see `LockLease.removeUnwanted`.
  let unwantedLocks = Locked<Set<LockID>>([])

  init(
    backend: any Backend, config: Config, polynomial: ChunkerPolynomial, keyID: KeyID, masterKey: MasterKey,
    settings: Settings, reads: OpeningReads? = nil
  ) {
    openingReads = Locked(reads)
    storage = backend
    let cache = settings.cache.flatMap {
      RepositoryCache($0, repositoryID: config.id, logger: settings.logger)
    }
    self.cache = cache
    self.backend =
      cache.flatMap { $0.keepsFiles ? CachingBackend(backend, cache: $0, traffic: settings.traffic) : nil } ?? backend
    snapshotRecord = cache.map { SnapshotRecord($0, masterKey: masterKey) }
    indexRecord = cache.map { IndexRecord($0, masterKey: masterKey) }
    let seenFile = settings.stateFolder.flatMap { folder in
      ID<Never>(hex: config.id).map { SeenSnapshotsFile(in: folder, repository: $0, masterKey: masterKey) }
    }
    seen = SeenMemory(seenFile, logger: settings.logger)
    knownConfig = Locked(config)
    chunker = Chunker(polynomial: polynomial)
    self.keyID = keyID
    self.masterKey = masterKey
    self.settings = settings
  }

  /// The repository's config. Its id never changes; its format version grows if somebody migrates the repository.
  public var config: Config { knownConfig.withLock { $0 } }

  /// Reads and seals small files, in the current format version.
  var unpacked: UnpackedFiles {
    UnpackedFiles(
      backend: backend, masterKey: masterKey, version: config.version, compression: settings.compression)
  }

  /// Reads and seals blobs, in the current format version.
  var coder: BlobCoder {
    BlobCoder(
      masterKey: masterKey, version: config.version, compression: settings.compression,
      verifiesWrites: settings.verifiesWrites)
  }

  /// How long to wait for a slow disk with the cache.
  private static let cacheLimit = Duration.seconds(5)

  /// Waits until this machine's disk has the files that were saved into the cache, for a few seconds at most. A program
  /// that saves and ends calls it before it ends.
  public func finishCaching() async {
    await cache?.finish(within: Self.cacheLimit)
  }

  /// A new uploader, which stores blobs for one snapshot.
  public func makeUploader() -> Uploader {
    Uploader(repository: self)
  }
}
