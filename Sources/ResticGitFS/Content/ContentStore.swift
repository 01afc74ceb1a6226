import ResticCore

/// What is stored of files that no snapshot names yet: the uploader, the chunks on their way, and the memory that goes when they
/// have arrived.
///
/// A chunk takes the place of the bytes in memory once its pack is durable, and only if nobody has overwritten them. So a failed
/// upload loses nothing. The uploader is kept until a commit takes it over (`takeUploader`) and finishes it.
///
/// Thread-safe. Lock order: `state`, then the tree's lock.
final class ContentStore: Sendable {
  private struct State {
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
  }

  /// The files.
  let files: FileReader
  private let state = Locked(State())
  private let listener = Locked<Listener?>(nil)

  /// A closure in a struct, for the reason that `WorkingTree.Listener` names.
  private struct Listener {
    let call: @Sendable () -> Void
  }

  private var tree: WorkingTree { files.tree }
  private var repository: Repository { files.repository }

  /// A store of what is written to `files`.
  init(files: FileReader) {
    self.files = files
  }

  /// Calls `listener` whenever bytes in memory went, with no lock held.
  func onRoom(_ listener: @escaping @Sendable () -> Void) {
    self.listener.withLock { $0 = Listener(call: listener) }
  }

  // MARK: Storing

  /// The uploader for what is stored before a commit: a new one where there is none, or the last one has failed.
  func uploader() -> Uploader {
    state.withLock { state in
      if let uploader = state.uploader, !uploader.hasFailed { return uploader }
      let uploader = repository.makeUploader()
      state.uploader = uploader
      state.pending = PendingChunks()
      return uploader
    }
  }

  /// Stores the selected chunks of `content` from `start` on, where a chunk starts. Returns where it stopped, and whether no more
  /// are to be stored.
  func store(
    _ content: ExtentMap, of inode: InodeNumber, from start: UInt64, _ selection: ChunkWriter.Selection,
    to uploader: Uploader
  ) async throws -> (end: UInt64, isDone: Bool) {
    var pieces = ChunkReader(content, from: start, chunker: repository.chunker, reader: files.blobs)
    let isDone = try await ChunkWriter(uploader: uploader).store(
      &pieces, of: inode, selection,
      pending: { offset in state.withLock { $0.pending.chunk(of: inode, at: offset, in: content) } },
      note: { chunk, origin in if case .new = origin { note(chunk, uploader) } })
    return (pieces.position, isDone)
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

  /// Forgets the uploader and what it was given: what that had is in memory still, or is in no file any more.
  func drop() {
    state.withLock { state in
      state.uploader = nil
      state.pending = PendingChunks()
    }
  }

  // MARK: Memory

  /// Lets go of the bytes in memory of every chunk that is durable by now.
  func replaceStored() {
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
    listener.withLock { $0 }?.call()
  }

  /// How many chunks have taken the place of bytes in memory so far.
  var replacedCount: Int { state.withLock { $0.replacedCount } }

  /// What counts towards the limit of memory: bytes that are in memory only, those that a commit holds, and the packs of a second
  /// uploader beside the commit's.
  var bufferedCost: UInt64 {
    let packed = state.withLock { state in
      guard let own = state.uploader, let committing = state.committing else { return 0 }
      return min(own.packedByteCount, committing.packedByteCount)
    }
    return tree.read { $0.bufferedCost } + UInt64(packed)
  }

  /// Whether a file that is in no snapshot, but that a program has open, has content that only the storage holds: a prune would
  /// take it.
  func holdsUnnamedContent() -> Bool {
    let streamed = state.withLock { $0.streamed }
    let live = tree.read { namespace in streamed.filter { namespace.changedContent(of: $0) != nil } }
    state.withLock { $0.streamed.subtract(streamed.subtracting(live)) }
    return !live.isEmpty
  }

  // MARK: Commits

  /// The uploader that has everything stored so far, for a commit to finish, and what of that may not be durable yet.
  func takeUploader() -> (Uploader, PendingChunks) {
    state.withLock { state in
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

  /// After a commit that went through or failed: what it held is not in memory any more.
  func noteCommitEnd() {
    state.withLock { $0.committing = nil }
    listener.withLock { $0 }?.call()
  }
}
