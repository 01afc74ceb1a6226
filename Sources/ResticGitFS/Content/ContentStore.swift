import ResticCore

/// Stored content of files that no snapshot names yet: the uploader, the chunks being uploaded, and the memory that is
/// freed when they have arrived.
///
/// A chunk replaces the bytes in memory once its pack is durable, and only if they have not been overwritten. So a
/// failed upload loses nothing. The uploader is kept until a commit takes it over (`takeUploader`) and finishes it.
///
/// Thread-safe. Lock order: `state`, then the tree's lock.
final class ContentStore: Sendable {
  private struct State {
    var uploader: Uploader?
    /// The uploader that a commit has taken over and not finished. Its packs are in memory beside those of the next
    /// one.
    weak var committing: Uploader?
    var pending = PendingChunks()
    /// How many packs had arrived when `pending` was last checked.
    var storedPackCount = 0
    /// How many chunks have replaced bytes in memory.
    var replacedCount = 0
    /// The files with such chunks.
    var streamed: Set<InodeNumber> = []
  }

  /// The files.
  let files: FileReader
  private let state = Locked(State())
  private let listener = Locked<Listener?>(nil)

  /// A closure in a struct, for the reason given at `WorkingTree.Listener`.
  private struct Listener {
    let call: @Sendable () -> Void
  }

  private var tree: WorkingTree { files.tree }
  private var repository: Repository { files.repository }

  /// A store for the content written to `files`.
  init(files: FileReader) {
    self.files = files
  }

  /// Calls `listener` whenever memory was freed, with no lock held.
  func onRoom(_ listener: @escaping @Sendable () -> Void) {
    self.listener.withLock { $0 = Listener(call: listener) }
  }

  // MARK: Storing

  /// The uploader for content that is stored before a commit: a new one if there is none, or if the last one has
  /// failed.
  func uploader() -> Uploader {
    state.withLock { state in
      if let uploader = state.uploader, !uploader.hasFailed { return uploader }
      let uploader = repository.makeUploader()
      state.uploader = uploader
      state.pending = PendingChunks()
      return uploader
    }
  }

  /// Stores the selected chunks of `content` from `start` on, where a chunk starts. Returns where it stopped, and
  /// whether no more are to be stored.
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

  /// Records a chunk that is stored or being uploaded. Pending chunks are checked only when a pack has arrived.
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

  /// Drops the uploader and its chunks: their bytes are still in memory, or in no file any more.
  func drop() {
    state.withLock { state in
      state.uploader = nil
      state.pending = PendingChunks()
    }
  }

  // MARK: Memory

  /// Frees the bytes in memory of every chunk that is durable by now.
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

  /// How many chunks have replaced bytes in memory so far.
  var replacedCount: Int { state.withLock { $0.replacedCount } }

  /// The bytes that count towards the memory limit: bytes that are in memory only, those that a commit holds, and the
  /// packs of a second uploader beside the commit's.
  var bufferedCost: UInt64 {
    let packed = state.withLock { state in
      guard let own = state.uploader, let committing = state.committing else { return 0 }
      return min(own.packedByteCount, committing.packedByteCount)
    }
    return tree.read { $0.bufferedCost } + UInt64(packed)
  }

  /// Whether an open file without a name in any snapshot has content that only the storage holds: a prune would remove
  /// it.
  func holdsUnnamedContent() -> Bool {
    let streamed = state.withLock { $0.streamed }
    let live = tree.read { namespace in streamed.filter { namespace.changedContent(of: $0) != nil } }
    state.withLock { $0.streamed.subtract(streamed.subtracting(live)) }
    return !live.isEmpty
  }

  // MARK: Commits

  /// The uploader with everything stored so far, for a commit to finish, and those of its chunks that may not be
  /// durable yet.
  func takeUploader() -> (Uploader, PendingChunks) {
    state.withLock { state in
      let uploader = state.uploader.take()
      // A later failure is reported to nobody: the chunks are still in memory, and are stored again.
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

  /// Call after a commit, successful or not: its bytes are no longer in memory.
  func noteCommitEnd() {
    state.withLock { $0.committing = nil }
    listener.withLock { $0 }?.call()
  }
}
