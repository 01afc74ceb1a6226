import Dispatch
import Logging
import ResticCore
import SystemPackage

/// Stores the content of files while they are still being written, so that memory stays within its limit whatever is pushed.
///
/// One pass at a time takes the files with the most bytes in memory, cuts what is settled into chunks and hands them to an
/// uploader; a chunk takes the place of the bytes in memory once its pack is durable, and only if they are still the same.
/// So a failed upload loses nothing, and an overwrite meanwhile wins. Above the limit writers wait.
///
/// The uploader is kept from pass to pass, and goes to the next commit (`takeUploader`), which finishes it.
/// Lock order: `state`, then the tree's lock; `gate` is held for a whole pass.
final class ContentStreamer: Sendable {
  private struct FileState {
    /// Written since the last pass.
    var byteCount: UInt64 = 0
    /// Where the last pass stopped: a chunk starts there.
    var position: UInt64 = 0
    /// Whether it is to be looked at again soon.
    var isHeldUp = false
  }

  private struct State {
    var isRunning = false
    var requested: Set<InodeNumber> = []
    var files: [InodeNumber: FileState] = [:]
    var uploader: Uploader?
    /// The one that a commit has taken over and not finished. Its packs are in memory beside those of the next one.
    weak var committing: Uploader?
    var pending = PendingChunks()
    /// How many packs had arrived when `pending` was looked through.
    var storedPackCount = 0
    /// How many chunks have taken the place of bytes in memory.
    var replacedCount = 0
    /// The files of which chunks have.
    var streamed: Set<InodeNumber> = []
    /// Whether the repository's lock is there for this streamer's sake, which then gives it back.
    var tookLock = false
    /// Writers that wait for room, in the order in which they came.
    var waiters: [DispatchSemaphore] = []
    /// How many passes failed, and why the last one did.
    var failures = 0
    var lastFailure: (any Error)?
  }

  /// What a pass may store.
  private enum Thoroughness {
    /// Chunks that are mostly in memory, and end at a cut.
    case settled
    /// Also chunks with little in memory, and the last ones of files that nobody has open.
    case closed
    /// Everything, also the last chunks of files that are still being written: they are cut anew later, and stored twice.
    case everything
  }

  /// A file with this much in memory is stored while it is written.
  private static let streamByteCount: UInt64 = 8 << 20
  /// When a file of which something was held up is looked at again.
  private static let heldUpDelay = Duration.milliseconds(200)
  /// A chunk counts as mostly in memory if half of so much at its start is.
  private static let densityByteCount: UInt64 = 1 << 20
  private static let blobsUnderWay = 2
  /// How long a pass rests that could not make room.
  private static let rest = Duration.milliseconds(20)
  /// How much of a file is stored before its content is looked up anew.
  private static let contentByteCount: UInt64 = 16 << 20

  private let tree: WorkingTree
  private let files: FileReader
  private let budget: MemoryBudget
  private let lockKeeper: LockKeeper
  private let logger: Logger
  private let memory = MemoryGuard()
  private let gate = AsyncGate()
  private let state = Locked(State())

  private var repository: Repository { files.repository }

  /// A streamer for the tree of `files`.
  init(files: FileReader, budget: MemoryBudget, lockKeeper: LockKeeper, logger: Logger) {
    tree = files.tree
    self.files = files
    self.budget = budget
    self.lockKeeper = lockKeeper
    self.logger = logger
  }

  // MARK: Writers

  /// Waits until there is room for more to be written. Blocks a plain thread; throws why nothing can be stored.
  ///
  /// Who came first goes first: a write that is overtaken leaves a hole, and what is around it can't be stored.
  ///
  /// Throws ENOMEM while the process may take hardly any memory more.
  func waitForRoom() throws(Errno) {
    try requireMemory()
    let semaphore = DispatchSemaphore(value: 0)
    let failuresBefore: Int? = state.withLock { state in
      if state.waiters.isEmpty, hasRoom(state) { return nil }
      state.waiters.append(semaphore)
      return state.failures
    }
    guard let failuresBefore else { return }
    while true {
      start()
      guard waitUnlessInterrupted(for: semaphore) else {
        giveUpWaiting(semaphore)
        throw .interrupted
      }
      let outcome: Result<Bool, any Error> = state.withLock { state in
        let failure = state.failures > failuresBefore ? state.lastFailure : nil
        guard failure != nil || (state.waiters.first === semaphore && hasRoom(state)) else { return .success(false) }
        state.waiters.removeAll { $0 === semaphore }
        state.waiters.first?.signal()
        return failure.map { .failure($0) } ?? .success(true)
      }
      switch outcome {
      case .success(true): return
      case .success(false): continue
      case .failure(let error): throw Errno(cause: error)
      }
    }
  }

  /// The writer that waits for `semaphore` no longer does: the next one takes its place.
  private func giveUpWaiting(_ semaphore: DispatchSemaphore) {
    state.withLock { state in
      state.waiters.removeAll { $0 === semaphore }
      state.waiters.first?.signal()
    }
  }

  /// Throws ENOMEM while the process may take hardly any memory more, for whatever changes the tree.
  func requireMemory() throws(Errno) {
    try memory.require()
  }

  private func hasRoom(_ state: State) -> Bool { cost(state) < budget.dirtyByteLimit }

  private var isUnderPressure: Bool { state.withLock { cost($0) } >= budget.pressureByteCount }

  /// What counts towards the limit: bytes that are in memory only, those that a commit holds, and the packs of a second
  /// uploader beside the commit's.
  private func cost(_ state: State) -> UInt64 {
    var byteCount = tree.read { $0.bufferedCost }
    if let own = state.uploader, let committing = state.committing {
      byteCount += UInt64(min(own.packedByteCount, committing.packedByteCount))
    }
    return byteCount
  }

  /// Notes a write, after which the file has `fileByteCount` and the mount `totalByteCount` bytes in memory.
  func noteWrite(of byteCount: Int, to inode: InodeNumber, fileByteCount: UInt64, totalByteCount: UInt64) {
    var isDue = totalByteCount >= budget.pressureByteCount
    if fileByteCount >= Self.streamByteCount {
      let isSettled = state.withLock { state in
        state.files[inode, default: FileState()].byteCount += UInt64(byteCount)
        guard state.files[inode]?.byteCount ?? 0 >= Self.streamByteCount else { return false }
        state.files[inode]?.byteCount = 0
        state.requested.insert(inode)
        return true
      }
      isDue = isDue || isSettled
    }
    if isDue { start() }
  }

  // MARK: Commits

  /// The uploader that has everything stored so far, for a commit to finish, and what of that may not be durable yet; waits
  /// for a pass that is under way.
  func takeUploader() async -> (Uploader, PendingChunks) {
    await gate.pass { () async -> (Uploader, PendingChunks) in
      state.withLock { state in
        state.files = [:]
        state.requested = []
        let uploader = state.uploader.take()
        // What failed since is told to nobody any more: what it had is in memory still, and is stored anew.
        if let uploader, !uploader.hasFailed {
          state.committing = uploader
          return (uploader, state.pending)
        }
        state.pending = PendingChunks()
        let fresh = repository.makeUploader()
        state.committing = fresh
        return (fresh, state.pending)
      }
    }
  }

  /// After a commit that went through or failed: what it held is not in memory any more.
  func noteCommitEnd() {
    state.withLock { $0.committing = nil }
    wakeWriters()
  }

  /// After a commit: what it stored is durable now.
  func noteCommit() {
    replaceStored()
    files.blobs.limitCache(to: budget.cacheByteLimit)
  }

  // MARK: The lock

  /// Whether a file that is in no snapshot, but that a program has open, has content that only the storage holds: a prune
  /// would take it, so the lock has to stay on a mount without changes, too. `noteClose` then gives it back.
  func needsLock() -> Bool {
    let streamed = state.withLock { $0.streamed }
    let live = tree.read { namespace in streamed.filter { namespace.changedContent(of: $0) != nil } }
    return state.withLock { state in
      state.streamed.subtract(streamed.subtracting(live))
      if !live.isEmpty { state.tookLock = true }
      return !live.isEmpty
    }
  }

  /// Notes that a file was closed, perhaps the last one that needed the lock.
  func noteClose() {
    let mayBeLast = state.withLock { $0.tookLock && !$0.isRunning }
    if mayBeLast, !tree.read({ $0.isChanged }) { Task { await giveLockBack() } }
  }

  /// Gives a lock back that was taken for files which are gone by now: a mount without changes holds none.
  private func giveLockBack() async {
    guard state.withLock({ $0.tookLock }) else { return }
    await gate.pass { () async in
      let isNeeded: @Sendable () -> Bool = { [self] in tree.read { $0.isChanged } || needsLock() }
      if isNeeded() { return }
      state.withLock { state in
        state.tookLock = false
        state.uploader = nil
        state.pending = PendingChunks()
      }
      await lockKeeper.release(unless: isNeeded)
    }
  }

  // MARK: Passes

  private func start() {
    let isFirst = state.withLock { state in
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if isFirst { Task { await run() } }
  }

  /// Makes passes as long as there is something to do, or until one fails.
  private func run() async {
    while true {
      var failure: (any Error)?
      do {
        while try await gate.pass({ () async throws -> Bool in try await pass() }) { wakeWriters() }
      } catch {
        logger.error("storing in the background failed: \(error)")
        failure = error
      }
      let isDone = state.withLock { state in
        if let failure {
          state.failures += 1
          state.lastFailure = failure
          state.uploader = nil
          state.pending = PendingChunks()
          state.requested = []
        }
        guard state.requested.isEmpty else { return false }
        state.isRunning = false
        return true
      }
      wakeWriters(afterFailure: failure != nil)
      if isDone { return await giveLockBack() }
    }
  }

  /// Lets the first writer that waits look again; it lets the next one. A failure is for all of them.
  private func wakeWriters(afterFailure: Bool = false) {
    let waiters = state.withLock { state in
      Array(state.waiters.prefix(afterFailure ? state.waiters.count : 1))
    }
    for waiter in waiters { waiter.signal() }
  }

  /// One pass; false if there was nothing to do.
  private func pass() async throws -> Bool {
    let (requested, replacedCount) = state.withLock { state in
      defer { state.requested = [] }
      return (state.requested, state.replacedCount)
    }
    guard isUnderPressure || !requested.isEmpty else { return false }
    if lockKeeper.heldLock == nil { state.withLock { $0.tookLock = true } }
    _ = try await lockKeeper.acquire()
    files.blobs.limitCache(to: budget.smallCacheByteLimit)
    let uploader = state.withLock { state in
      if let uploader = state.uploader, !uploader.hasFailed { return uploader }
      let uploader = repository.makeUploader()
      state.uploader = uploader
      state.pending = PendingChunks()
      return uploader
    }
    for inode in requested {
      let start = state.withLock { $0.files[inode]?.position ?? 0 }
      let (end, isHeldUp) = try await store(inode, .settled, from: start, uploader)
      state.withLock { $0.files[inode]?.position = end }
      if isHeldUp { lookAgain(at: inode) }
    }
    replaceStored()
    var madeNoRoom: Bool { isUnderPressure && state.withLock { $0.replacedCount } == replacedCount }
    for thoroughness in [Thoroughness.closed, .everything] where madeNoRoom {
      // As long as there is room there is more to come of files that are open.
      if thoroughness == .everything, state.withLock({ hasRoom($0) }) { break }
      for inode in tree.read({ $0.bufferedFilesLargestFirst }) {
        _ = try await store(inode, thoroughness, from: 0, uploader)
        if !isUnderPressure { break }
      }
      if isUnderPressure {
        try await uploader.flush()
        replaceStored()
      }
    }
    if madeNoRoom {
      // All of it is on its way with a commit, whose end makes the room.
      try await Task.sleep(for: Self.rest)
    }
    return true
  }

  /// What a write on its way held up is stored when that has arrived, though no other write may follow.
  private func lookAgain(at inode: InodeNumber) {
    let isFirst = state.withLock { state in
      guard state.files[inode]?.isHeldUp == false else { return false }
      state.files[inode]?.isHeldUp = true
      return true
    }
    guard isFirst else { return }
    Task {
      try? await Task.sleep(for: Self.heldUpDelay)  // it is not cancelled
      let isDue = state.withLock { state in
        state.files[inode]?.isHeldUp = false
        guard let file = state.files[inode], file.byteCount > 0 else { return false }
        state.files[inode]?.byteCount = 0
        state.requested.insert(inode)
        return true
      }
      if isDue { start() }
    }
  }

  /// Stores what there is to store of a file from `start` on, where a chunk starts; returns where it stopped, and whether
  /// that was before a hole near the end.
  ///
  /// The content is looked up anew every few MiB: a copy of it keeps all bytes in memory that it has.
  private func store(
    _ inode: InodeNumber, _ thoroughness: Thoroughness, from start: UInt64, _ uploader: Uploader
  ) async throws -> (end: UInt64, isHeldUp: Bool) {
    var position = start
    var isHeldUp = false
    while let (changed, isOpen) = tree.read({ $0.changedContent(of: inode) }) {
      let storesTail = thoroughness == .everything || (thoroughness == .closed && !isOpen)
      let content = storesTail ? changed : changed.settled(window: budget.dirtyByteLimit)
      var pieces = ChunkReader(content, from: position, chunker: repository.chunker, reader: files.blobs)
      let isDone = try await store(
        &pieces, of: inode, onlyDense: thoroughness == .settled, storesTail: storesTail, uploader)
      position = pieces.position
      isHeldUp = content.byteCount < changed.byteCount
      if isDone { break }
    }
    return (position, isHeldUp)
  }

  /// Stores the next chunks of a file, up to `contentByteCount` in all; true if there are no more to store.
  private func store(
    _ pieces: inout ChunkReader, of inode: InodeNumber, onlyDense: Bool, storesTail: Bool, _ uploader: Uploader
  ) async throws -> Bool {
    let content = pieces.content
    return try await withThrowingTaskGroup(of: PendingChunks.Chunk.self) { group in
      var underWay = 0
      var byteCount: UInt64 = 0
      var isDone = false
      while byteCount < Self.contentByteCount, !isDone {
        if onlyDense, !Self.isDense(content, at: pieces.position) {
          guard let next = content.nextWholeBlob(after: pieces.position) else {
            isDone = true
            break
          }
          pieces.skip(to: next)
        }
        let offset = pieces.position
        if let end = endOfPendingChunk(of: inode, at: offset, in: content) {
          pieces.skip(to: end)
          continue
        }
        switch try await pieces.next() {
        case nil: isDone = true
        case .stored: break
        case .fresh(_, endsAtCut: false) where !storesTail:
          pieces.skip(to: offset)
          isDone = true
        case .fresh(let bytes, let endsAtCut):
          byteCount += UInt64(bytes.byteCount)
          let slices = content.slices(in: offset..<pieces.position)
          guard slices.contains(where: \.isBuffered) else { continue }
          if underWay == Self.blobsUnderWay, let stored = try await group.next() {
            note(stored, uploader)
            underWay -= 1
          }
          underWay += 1
          group.addTask {
            let id = try await uploader.add(bytes, type: .data)
            let chunk = StoredChunk(id: id, byteCount: UInt32(bytes.byteCount), endsAtCut: endsAtCut)
            return PendingChunks.Chunk(inode: inode, offset: offset, chunk: chunk, slices: slices)
          }
        }
      }
      while let stored = try await group.next() { note(stored, uploader) }
      return isDone
    }
  }

  /// Where the chunk ends that starts at `offset`, if it is on its way.
  private func endOfPendingChunk(of inode: InodeNumber, at offset: UInt64, in content: ExtentMap) -> UInt64? {
    let chunk = state.withLock { $0.pending.chunk(of: inode, at: offset, in: content) }
    guard let chunk, repository.contains(chunk.chunk.id, type: .data) else { return nil }
    return chunk.end
  }

  /// Whether the chunk that starts at `offset` is stored, or mostly in memory.
  private static func isDense(_ content: ExtentMap, at offset: UInt64) -> Bool {
    if content.wholeBlob(at: offset) != nil { return true }
    let end = offset + densityByteCount
    return content.bufferedByteCount(in: offset..<end) >= densityByteCount / 2
  }

  /// Notes a chunk that is stored or on its way. What waits is looked through only when a pack has arrived.
  private func note(_ chunk: PendingChunks.Chunk, _ uploader: Uploader) {
    if repository.isStored(chunk.chunk.id, type: .data) { return replace([chunk]) }
    let packCount = uploader.statistics.storedPackCount
    let isDue = state.withLock { state in
      state.pending.insert(chunk)
      defer { state.storedPackCount = packCount }
      return state.storedPackCount != packCount
    }
    if isDue { replaceStored() }
  }

  /// Lets go of the bytes in memory of every chunk that is durable by now.
  private func replaceStored() {
    let stored = state.withLock { state in
      state.pending.take { repository.isStored($0.chunk.id, type: .data) }
    }
    if !stored.isEmpty { replace(stored) }
  }

  private func replace(_ chunks: [PendingChunks.Chunk]) {
    tree.bookkeep { namespace in
      for pending in chunks {
        namespace.replace(at: pending.offset, of: pending.inode, by: pending.chunk, ifStill: pending.slices)
      }
    }
    state.withLock { state in
      state.replacedCount += chunks.count
      state.streamed.formUnion(chunks.map(\.inode))
    }
    wakeWriters()
  }
}
