import Dispatch
import Logging
import ResticCore
import SystemPackage

/// Has the content of files stored while they are still being written, so that memory stays within its limit whatever is pushed.
///
/// One pass at a time takes the files with the most bytes in memory, and has the `ContentStore` store what is settled of them.
/// Above the limit writers wait.
///
/// Lock order: `state`, then the store's lock, then the tree's; `gate` is held for a whole pass.
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
  /// How long a pass rests that could not make room.
  private static let rest = Duration.milliseconds(20)
  /// How much of a file is stored before its content is looked up anew.
  private static let contentByteCount: UInt64 = 16 << 20

  private let tree: WorkingTree
  private let store: ContentStore
  private let budget: MemoryBudget
  private let lockKeeper: LockKeeper
  private let logger: Logger
  private let memory = MemoryGuard()
  private let gate = AsyncGate()
  private let state = Locked(State())

  /// A streamer of what is written to the files of `store`.
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

  /// Waits until there is room for more to be written. Blocks a plain thread; throws why nothing can be stored.
  ///
  /// Who came first goes first: a write that is overtaken leaves a hole, and what is around it can't be stored.
  ///
  /// Throws ENOMEM while the process may take hardly any memory more.
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

  private var hasRoom: Bool { store.bufferedCost < budget.dirtyByteLimit }

  private var isUnderPressure: Bool { store.bufferedCost >= budget.pressureByteCount }

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
      }
      return store.takeUploader()
    }
  }

  /// After a commit that went through or failed: what it held is not in memory any more.
  func noteCommitEnd() { store.noteCommitEnd() }

  /// After a commit: what it stored is durable now.
  func noteCommit() {
    store.replaceStored()
    store.files.blobs.limitCache(to: budget.cacheByteLimit)
  }

  /// Notes that a file was closed, perhaps the last one that needed the repository's lock on a mount without changes.
  func noteClose() {
    let isRunning = state.withLock { $0.isRunning }
    guard !isRunning, lockKeeper.heldLock != nil, !tree.read({ $0.isChanged }) else { return }
    Task { await giveUpUnnamed() }
  }

  /// Gives up what is stored of files that are gone by now, and the lock if nothing else needs that.
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

  /// Makes passes as long as there is something to do, or until one fails.
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

  /// Lets the first writer that waits look again; it lets the next one. A failure is for all of them.
  private func wakeWriters(afterFailure: Bool = false) {
    let waiters = state.withLock { state in
      Array(state.waiters.prefix(afterFailure ? state.waiters.count : 1))
    }
    for waiter in waiters { waiter.signal() }
  }

  /// One pass; false if there was nothing to do.
  private func pass() async throws -> Bool {
    let requested = state.withLock { state in
      defer { state.requested = [] }
      return state.requested
    }
    guard isUnderPressure || !requested.isEmpty else { return false }
    // A new one where it was lost since the last pass: a prune may take what is stored without it.
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

  /// Stores more than what is settled, as far as there is pressure and `madeNoRoom` says that nothing else has made room.
  private func makeRoom(_ uploader: Uploader, madeNoRoom: () -> Bool) async throws {
    for thoroughness in [Thoroughness.closed, .everything] where isUnderPressure && madeNoRoom() {
      // As long as there is room there is more to come of files that are open.
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
      // All of it is on its way with a commit, whose end makes the room.
      try await Task.sleep(for: Self.rest)
    }
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
