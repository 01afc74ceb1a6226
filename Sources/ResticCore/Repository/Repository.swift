public import Logging
public import SystemPackage

/// A restic repository, opened with a password: the façade of this module.
///
///     let repository = try await Repository.open(on: backend, password: password)
///     let newest = try await repository.latestSnapshot(matching: filter)
///     try await repository.loadIndex()                    // snapshots first, then the index: never the other way round
///     let tree = try await repository.loadTree(newest.snapshot.tree)
///
/// By topic: `+Create`, `+Open` (keys and config), `+Identity` (the config later on, and the door for all writes), `+Index`,
/// `+Blobs` (reading), `+Snapshots`; writing is the business of `Uploader`, locking of `RepositoryLock`. What is stored
/// never changes, so all of it may be used from any thread.
///
/// With `Settings.cache` files are kept on this machine's disk, too (`CachingBackend`), and the snapshots that were read
/// (`SnapshotRecord`). Whatever becomes of those, nothing is wrong with the repository.
///
/// Lock order: all that is `Locked` are leaves; `indexGate` and `identityGate` are held across backend calls and never entered
/// with one of them held. `identityGate` may be entered inside of `indexGate`.
public final class Repository: Sendable {
  /// What a user can choose.
  public struct Settings: Sendable {
    /// How hard blobs are compressed; repositories of version 1 know no compression.
    public var compression = CompressionMode.auto
    /// Packs are closed when they have this many bytes; restic allows 4…128 MiB.
    public var packByteCount = 16 << 20
    /// How many closed packs may wait for the storage at once; each is held in memory.
    public var packsInFlight = 3
    /// Whether everything is decoded again before it is stored, as restic does unless told otherwise.
    public var verifiesWrites = true
    /// How many files are loaded at once.
    public var concurrentLoads = 5
    /// Who we are in keys and locks.
    public var identity = ClientIdentity.current
    /// How dear guessing the password of a new key is; nil measures what half a second is worth.
    public var scryptCost: ScryptCost?
    /// Where caches are kept; nil: nowhere.
    public var cache: CachePlace?
    /// The folder with a folder for each repository, in which it is kept what this machine has seen; nil: nowhere.
    public var stateFolder: FilePath?
    /// Where those who wait say what for.
    public var waiting = WaitingNotes()
    /// Where loads are counted that the cache answers or could have answered.
    public var traffic = TrafficCounter()
    /// Where it is noted how far the loading of the index is.
    public var loading = LoadingProgress()
    /// Where warnings go.
    public var logger = Logger(label: "restic")

    /// The defaults, which are restic's.
    public init() {}
  }

  /// Where the files are: the storage, and in front of it the cache, if there is one.
  public let backend: any Backend
  /// The storage itself.
  let storage: any Backend
  /// Cuts files where restic would.
  public let chunker: Chunker
  /// The key that the password opened.
  public let keyID: KeyID
  /// What the user chose.
  public let settings: Settings

  let masterKey: MasterKey
  /// What this machine's disk has of the repository.
  let cache: RepositoryCache?
  /// The sizes of snapshot and index files that this process knows, by name.
  let knownSizes = Locked<[BackendFileType: [String: Int]]>([:])
  let snapshotRecord: SnapshotRecord?
  /// The index files that were read once, here or by another process of this machine.
  let indexRecord: IndexRecord?
  /// What this machine has seen of the repository.
  public let seen: SeenMemory
  /// What the opening has read and nobody has used yet; see `endOpening`.
  let openingReads: Locked<OpeningReads?>
  /// The config as it was last seen. Only `confirmIdentity` changes it, and only its version.
  let knownConfig: Locked<Config>
  /// When the config was last seen to be ours.
  let lastLook = Locked<ContinuousClock.Instant?>(nil)
  /// Of those who want to see the config before they store something, one looks.
  let identityGate = ConnectionGate(connections: 1)
  /// All that is known of blobs.
  let directory = Locked(BlobDirectory())
  /// Trees that are loaded before somebody asks.
  let treesAhead = TreesAhead()
  /// Only one task at a time loads or saves index files.
  let indexGate = AsyncGate()
  /// Asked before an index file is written (`guardIndexFiles`).
  let indexGuard = Locked<(@Sendable () async throws(RepositoryError) -> Void)?>(nil)
  /// Snapshots that were read or saved; what an id names never changes.
  let knownSnapshots = Locked(KnownSnapshots())
  /// Snapshot and index files that could not be read; see `note`.
  let damagedFiles = Locked<[BackendFile: KnownDamage]>([:])
  /// Lock files that were read, and those that are ours; a lock file never changes.
  let knownLocks = Locked<[LockID: LockSurvey.Found]>([:])
  /// Lock files that should be gone and that the storage would not remove; see `LockLease.removeUnwanted`.
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

  /// What holds for all of the repository. Its id stays; its format version grows when somebody migrates the repository.
  public var config: Config { knownConfig.withLock { $0 } }

  /// Reads and seals small files, in the format version of this moment.
  var unpacked: UnpackedFiles {
    UnpackedFiles(
      backend: backend, masterKey: masterKey, version: config.version, compression: settings.compression)
  }

  /// Reads and seals blobs, in the format version of this moment.
  var coder: BlobCoder {
    BlobCoder(
      masterKey: masterKey, version: config.version, compression: settings.compression,
      verifiesWrites: settings.verifiesWrites)
  }

  /// A disk that keeps a cache waiting for longer is not worth the wait.
  private static let cacheLimit = Duration.seconds(5)

  /// Waits until this machine's disk has what was saved into the cache, for a few seconds at most. A program that saves and
  /// ends calls it before its end.
  public func finishCaching() async {
    await cache?.finish(within: Self.cacheLimit)
  }

  /// Something that stores blobs, for one snapshot.
  public func makeUploader() -> Uploader {
    Uploader(repository: self)
  }
}
