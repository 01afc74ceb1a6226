/// Stores blobs: each once, sealed, in packs that are uploaded in the background.
///
///     let uploader = repository.makeUploader()
///     let content = try await uploader.add(bytes, type: .data)      // from any number of tasks
///     let root = try await uploader.add(tree.encode(), type: .tree)
///     let tree = try await uploader.finish(root: root)              // once, after the last add
///     try await repository.save(try repository.seal(snapshot, of: tree))
///
/// Hashing, compressing and sealing run in the caller's task, so several callers use several cores. Invariants:
/// 1. Of equal blobs added at the same time, one is stored; blobs that are stored or being uploaded are not stored
///    again.
/// 2. A blob can be loaded from the repository from the moment `add` returns.
/// 3. At most `Repository.Settings.packsInFlight` packs are being uploaded, and two of each type are open, chosen at
///    random so that pack sizes do not reveal where a file was cut. Further callers wait in `add`.
/// 4. The first error is kept: every later call throws it, and only blobs that were durable by then count as stored.
///    Those are kept for the next uploader.
///
/// Lock order: `state` and the repository's `directory` are never held together.
public final class Uploader: Sendable {
  /// The uploader's state.
  enum Phase {
    case adding
    case finishing
    case finished
    case failed(RepositoryError)
  }

  struct State {
    var phase = Phase.adding
    var packers = OpenPacks()
    /// Closed packs that are not durable yet.
    var packsInFlight = 0
    /// Woken whenever a pack has arrived or failed.
    var waiters: [CheckedContinuation<Void, Never>] = []
    /// Blobs that other uploaders have accepted.
    var reliedOn: Set<BlobKey> = []
    var statistics = UploadStatistics()
  }

  /// Where the blobs go.
  public let repository: Repository
  let id: PendingBlob.UploaderID
  let state = Locked(State())

  init(repository: Repository) {
    self.repository = repository
    id = repository.directory.withLock { $0.registerUploader() }
  }

  deinit {
    let isFinished = state.withLock { state in
      if case .finished = state.phase { true } else { false }
    }
    if !isFinished { repository.directory.withLock { $0.abandon(id) } }
  }

  /// Whether an upload has failed: then every further call throws.
  public var hasFailed: Bool { state.withLock { $0.failure != nil } }

  /// The work done so far.
  public var statistics: UploadStatistics { state.withLock { $0.statistics } }

  /// About how many bytes are in its open packs and in packs being uploaded.
  public var packedByteCount: Int {
    state.withLock { $0.packers.byteCount + $0.packsInFlight * repository.settings.packByteCount }
  }

  /// The id of `bytes`, which are stored or being uploaded when this returns; they are durable only after `finish`.
  ///
  /// Waits while too many packs are being uploaded. Throws the error of an earlier upload.
  public func add(_ bytes: PooledBytes, type: BlobType) async throws(RepositoryError) -> BlobID {
    let key = BlobKey(id: bytes.withUnsafeBytes { SHA256.id(of: $0) }, type: type)
    if !repository.directory.withLock({ $0.contains(key) }) { try await waitForRoom() }
    let claim = repository.directory.withLock { $0.claim(key, bytes, by: id) }
    let failure = state.withLock { state in
      if case .finished = state.phase { preconditionFailure("an uploader takes nothing after finish") }
      if claim != .mine {
        state.statistics[type].knownBlobCount += 1
        state.statistics[type].knownByteCount += bytes.byteCount
      }
      if claim == .underWayElsewhere { state.reliedOn.insert(key) }
      return state.failure
    }
    if let failure {
      // The claim came after everything was given up: give it up as well.
      repository.directory.withLock { $0.abandon(id) }
      throw failure
    }
    if claim == .mine { try store(bytes, key) }
    return key.id
  }

  /// As `add(_:type:)`, for bytes in an array.
  public func add(_ bytes: [UInt8], type: BlobType) async throws(RepositoryError) -> BlobID {
    try await add(PooledBytes(copying: bytes), type: type)
  }

  /// Seals a blob that nobody else has and puts it into a pack; begins the upload of the pack if the pack is full.
  func store(_ plaintext: PooledBytes, _ key: BlobKey) throws(RepositoryError) {
    do throws(RepositoryError) {
      try append(
        try repository.coder.seal(plaintext, id: key.id, type: key.type), plaintextByteCount: plaintext.byteCount)
    } catch {
      fail(error)
      throw error
    }
  }

  /// Puts a sealed blob into a pack.
  func append(_ blob: SealedBlob, plaintextByteCount: Int) throws(RepositoryError) {
    let target = repository.settings.packByteCount
    let placed: Result<OpenPacks.Placement, RepositoryError> = state.withLock { state in
      if let failure = state.failure { return .failure(failure) }
      state.statistics[blob.type].addedBlobCount += 1
      state.statistics[blob.type].addedByteCount += plaintextByteCount
      state.statistics[blob.type].packedByteCount += blob.bytes.byteCount + blob.headerEntryByteCount
      let placement = state.packers.append(blob, target: target)
      if placement.full != nil { state.packsInFlight += 1 }
      return .success(placement)
    }
    let placement = try placed.get()
    repository.directory.withLock { directory in
      directory.setContent(
        .packed(placement.content, range: placement.range, uncompressedLength: blob.uncompressedLength),
        of: BlobKey(id: blob.id, type: blob.type), by: id)
    }
    if let pack = placement.full { try upload(pack) }
  }

  // MARK: Packs

  /// Finishes `builder`, which already counts as being uploaded, and uploads it in a task of its own.
  func upload(_ builder: PackBuilder) throws(RepositoryError) {
    let pack: BuiltPack
    do throws(RepositoryError) {
      pack = try builder.finish(repository.masterKey)
    } catch {
      fail(error)
      endFlight()
      throw error
    }
    repository.directory.withLock { directory in
      // Begun under the lock, so that it cannot end before it is recorded.
      let flight = Task {
        do throws(RepositoryError) {
          try await save(pack)
        } catch {
          repository.directory.withLock { $0.failFlight(pack, by: id) }
          fail(error)
        }
        endFlight()
      }
      directory.beginFlight(pack, by: id, flight: flight)
    }
  }

  private func save(_ pack: BuiltPack) async throws(RepositoryError) {
    try await repository.store(.pack(pack.id, of: pack.blobs.first?.type), pack.bytes)
    repository.directory.withLock { $0.store(pack.indexEntry, at: .now) }
    state.withLock { state in
      state.statistics.storedPackCount += 1
      state.statistics.storedByteCount += pack.bytes.byteCount
    }
    try await repository.saveIndexFiles(onlyIfDue: true)
  }

  private func endFlight() {
    let waiters = state.withLock { state in
      state.packsInFlight -= 1
      return state.takeWaiters()
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Keeps the first error, and gives up everything whose upload has not begun.
  func fail(_ error: RepositoryError) {
    let waiters = state.withLock { state in
      if state.failure == nil {
        state.phase = .failed(error)
        state.packers = OpenPacks()
        state.reliedOn = []
      }
      return state.takeWaiters()
    }
    repository.directory.withLock { $0.abandon(id) }
    for waiter in waiters { waiter.resume() }
  }

  // MARK: Waiting

  /// Returns once fewer packs are being uploaded than allowed. Throws the error of an upload.
  private func waitForRoom() async throws(RepositoryError) {
    let limit = max(1, repository.settings.packsInFlight)
    try await wait { $0.packsInFlight < limit || $0.failure != nil }
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// Returns once all packs have arrived or failed. Throws the error of an upload.
  func waitForPacks() async throws(RepositoryError) {
    try await wait { $0.packsInFlight == 0 }
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  private func wait(until condition: @Sendable (borrowing State) -> Bool) async throws(RepositoryError) {
    while !state.withLock({ condition($0) }) {
      await withCheckedContinuation { continuation in
        let isMet = state.withLock { state in
          if condition(state) { return true }
          state.waiters.append(continuation)
          return false
        }
        if isMet { continuation.resume() }
      }
    }
  }
}

extension Uploader.State {
  /// The error that every call throws from now on.
  var failure: RepositoryError? {
    if case .failed(let error) = phase { error } else { nil }
  }

  mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
    defer { waiters = [] }
    return waiters
  }
}
