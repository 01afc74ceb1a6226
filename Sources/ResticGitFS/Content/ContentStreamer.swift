import Dispatch
import Logging
import ResticCore
import SystemPackage

/// Stores the content of files while they are still being written, so that memory stays within its limit, whatever is
/// pushed.
///
/// One pass at a time takes the files with the most bytes in memory, and has the `ContentStore` store their settled
/// part. Above the limit, writers wait.
///
/// Lock order: `state`, then the store's lock, then the tree's; `gate` is held for a whole pass.
final class ContentStreamer: Sendable {
  private struct FileState {
    /// Bytes written since the last pass.
    var byteCount: UInt64 = 0
    /// Where the last pass stopped: a chunk starts there.
    var position: UInt64 = 0
    /// Whether a pass should look at the file again soon.
    var isHeldUp = false
  }

  private struct State {
    var isRunning = false
    var requested: Set<InodeNumber> = []
    var files: [InodeNumber: FileState] = [:]
    /// Writers that wait for room, in order of arrival.
    var waiters: [DispatchSemaphore] = []
    /// How many passes failed, and why the last one did.
    var failures = 0
    var lastFailure: (any Error)?
  }

  /// What a pass may store.
  private enum Thoroughness {
    /// Chunks that are mostly in memory, and end at a cut.
    case settled
    /// Also chunks with little in memory, and the last chunks of files that no program has open.
    case closed
    /// Everything, also the last chunks of files that are still being written: they are cut again later, and stored
    /// twice.
    case everything
  }

  /// A file with this much in memory is stored while it is written.
  private static let streamByteCount: UInt64 = 8 << 20
  /// The delay before a file with a held-up part is looked at again.
  private static let heldUpDelay = Duration.milliseconds(200)
  /// How long a pass rests after it could not free memory.
  private static let rest = Duration.milliseconds(20)
  /// How much of a file is stored before its content is read anew.
  private static let contentByteCount: UInt64 = 16 << 20

  private let tree: WorkingTree
  private let store: ContentStore
  private let budget: MemoryBudget
  private let lockKeeper: LockKeeper
  private let logger: Logger
  private let memory = MemoryGuard()
  private let gate = AsyncGate()
  private let state = Locked(State())

  /// A streamer for the files of `store`.
  init(store: ContentStore, budget: MemoryBudget, lockKeeper: LockKeeper, logger: Logger) {
    tree = store.files.tree
    self.store = store
    self.budget = budget
    self.lockKeeper = lockKeeper
    self.logger = logger
    store.onRoom { [weak self] in self?.wakeWriters() }
    lockKeeper.keep { store.holdsUnnamedContent() }
  }

  // MARK: Writers

  /// Waits until there is room for more writes. Blocks a plain thread; throws the reason if nothing can be stored.
  ///
  /// Writers continue in order of arrival: an overtaken write leaves a hole, and its neighbourhood cannot be stored.
  ///
  /// Throws ENOMEM while the process may take hardly any more memory.
  func waitForRoom() throws(Errno) {
    try requireMemory()
    let semaphore = DispatchSemaphore(value: 0)
    let failuresBefore: Int? = state.withLock { state in
      if state.waiters.isEmpty, hasRoom { return nil }
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
        guard failure != nil || (state.waiters.first === semaphore && hasRoom) else { return .success(false) }
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

  /// The writer that waits for `semaphore` gives up: the next one takes its place.
  private func giveUpWaiting(_ semaphore: DispatchSemaphore) {
    state.withLock { state in
      state.waiters.removeAll { $0 === semaphore }
      state.waiters.first?.signal()
    }
  }

  /// Throws ENOMEM while the process may take hardly any more memory; for everything that changes the tree.
  func requireMemory() throws(Errno) {
    try memory.require()
  }

  private var hasRoom: Bool { store.bufferedCost < budget.dirtyByteLimit }

  private var isUnderPressure: Bool { store.bufferedCost >= budget.pressureByteCount }

  /// Records a write, after which the file has `fileByteCount` and the mount `totalByteCount` bytes in memory.
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

  /// The uploader with everything stored so far, for a commit to finish, and those of its chunks that may not be
  /// durable yet; waits for a running pass.
  func takeUploader() async -> (Uploader, PendingChunks) {
    await gate.pass { () async -> (Uploader, PendingChunks) in
      state.withLock { state in
        state.files = [:]
        state.requested = []
      }
      return store.takeUploader()
    }
  }

  /// Call after a commit, successful or not: its bytes are no longer in memory.
  func noteCommitEnd() { store.noteCommitEnd() }

  /// Call after a successful commit: what it stored is durable now.
  func noteCommit() {
    store.replaceStored()
    store.files.blobs.limitCache(to: budget.cacheByteLimit)
  }

  /// Records that a file was closed, which may have been the last one that needed the repository's lock on a mount
  /// without changes.
  func noteClose() {
    let isRunning = state.withLock { $0.isRunning }
    guard !isRunning, lockKeeper.heldLock != nil, !tree.read({ $0.isChanged }) else { return }
    Task { await giveUpUnnamed() }
  }

  /// Drops stored content of files that are gone by now, and releases the lock if nothing else needs it.
  private func giveUpUnnamed() async {
    await gate.pass { () async in dropUnnamed() }
    await lockKeeper.releaseUnlessNeeded()
  }

  private func dropUnnamed() {
    if !tree.read({ $0.isChanged }), !store.holdsUnnamedContent() { store.drop() }
  }

  // MARK: Passes

  private func start() {
    let isFirst = state.withLock { state in
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if isFirst { Task { await run() } }
  }

  /// Makes passes while there is something to do, until one fails.
  private func run() async {
    while true {
      var failure: (any Error)?
      do {
        if isUnderPressure || !state.withLock({ $0.requested.isEmpty }) { try await makePasses() }
      } catch {
        logger.error("storing in the background failed: \(error)")
        failure = error
        store.drop()
      }
      let isDone = state.withLock { state in
        if let failure {
          state.failures += 1
          state.lastFailure = failure
          state.requested = []
        }
        guard state.requested.isEmpty else { return false }
        state.isRunning = false
        return true
      }
      wakeWriters(afterFailure: failure != nil)
      if isDone {
        // A file may have been closed meanwhile.
        return await giveUpUnnamed()
      }
    }
  }

  private func makePasses() async throws {
    try await lockKeeper.holding(isConfirmed: false) { _ in
      while try await gate.pass({ () async throws -> Bool in try await pass() }) { wakeWriters() }
      await gate.pass { () async in dropUnnamed() }
    }
  }

  /// Wakes the first waiting writer; it wakes the next one. A failure wakes all of them.
  private func wakeWriters(afterFailure: Bool = false) {
    let waiters = state.withLock { state in
      Array(state.waiters.prefix(afterFailure ? state.waiters.count : 1))
    }
    for waiter in waiters { waiter.signal() }
  }

  /// One pass; returns false if there was nothing to do.
  private func pass() async throws -> Bool {
    let requested = state.withLock { state in
      defer { state.requested = [] }
      return state.requested
    }
    guard isUnderPressure || !requested.isEmpty else { return false }
    // A new lock if it was lost since the last pass: a prune may remove what is stored without a lock.
    _ = try await lockKeeper.acquire()
    store.files.blobs.limitCache(to: budget.smallCacheByteLimit)
    let replacedCount = store.replacedCount
    let uploader = store.uploader()
    for inode in requested {
      let start = state.withLock { $0.files[inode]?.position ?? 0 }
      let (end, isHeldUp) = try await store(inode, .settled, from: start, uploader)
      state.withLock { $0.files[inode]?.position = end }
      if isHeldUp { lookAgain(at: inode) }
    }
    store.replaceStored()
    try await makeRoom(uploader) { store.replacedCount == replacedCount }
    return true
  }

  /// Stores more than the settled parts, as far as memory is short and `madeNoRoom` says that nothing else has freed
  /// memory.
  private func makeRoom(_ uploader: Uploader, madeNoRoom: () -> Bool) async throws {
    for thoroughness in [Thoroughness.closed, .everything] where isUnderPressure && madeNoRoom() {
      // While there is room, open files will receive more writes.
      if thoroughness == .everything, hasRoom { break }
      for inode in tree.read({ $0.bufferedFilesLargestFirst }) {
        _ = try await store(inode, thoroughness, from: 0, uploader)
        if !isUnderPressure { break }
      }
      if isUnderPressure {
        try await uploader.flush()
        store.replaceStored()
      }
    }
    if isUnderPressure, madeNoRoom() {
      // A commit is uploading all of it, and its end frees the memory.
      try await Task.sleep(for: Self.rest)
    }
  }

  /// A part that was held up by a missing write is stored when the write has arrived, even if no other write follows.
  private func lookAgain(at inode: InodeNumber) {
    let isFirst = state.withLock { state in
      guard state.files[inode]?.isHeldUp == false else { return false }
      state.files[inode]?.isHeldUp = true
      return true
    }
    guard isFirst else { return }
    Task {
      try? await Task.sleep(for: Self.heldUpDelay)  // never cancelled
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

  /// Stores the content of a file from `start` on, where a chunk starts; returns where it stopped, and whether it
  /// stopped at a hole near the end.
  ///
  /// The content is read anew every few MiB, because a copy of it keeps all its bytes in memory.
  private func store(
    _ inode: InodeNumber, _ thoroughness: Thoroughness, from start: UInt64, _ uploader: Uploader
  ) async throws -> (end: UInt64, isHeldUp: Bool) {
    var position = start
    var isHeldUp = false
    while let (changed, isOpen) = tree.read({ $0.changedContent(of: inode) }) {
      let includesTail = thoroughness == .everything || (thoroughness == .closed && !isOpen)
      let content = includesTail ? changed : changed.settled(window: budget.dirtyByteLimit)
      let selection = ChunkWriter.Selection(
        onlyDense: thoroughness == .settled, onlyBuffered: true, includesTail: includesTail,
        byteLimit: Self.contentByteCount)
      let stored = try await store.store(content, of: inode, from: position, selection, to: uploader)
      position = stored.end
      isHeldUp = content.byteCount < changed.byteCount
      if stored.isDone { break }
    }
    return (position, isHeldUp)
  }
}
