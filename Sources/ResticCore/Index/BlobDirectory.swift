/// Everything known about the repository's blobs: stored blobs, blobs being uploaded, and packs that wait for an index
/// file.
///
/// One value under one lock, because a blob moves between the three at one instant: a reader finds the blob at any
/// time. Invariants:
/// 1. A blob that `claim` called known is stored, or pending until it is stored or its holder fails.
/// 2. Every stored pack in `unindexed` is also in `index`, in the slot recorded there.
/// 3. Every uploader named in `pending` has neither finished nor failed nor been released.
struct BlobDirectory: ~Copyable {
  /// The result of `claim`.
  enum Claim {
    /// Nobody has the blob: the caller must store it, or `abandon` everything it has.
    case mine
    /// A durable pack holds the blob.
    case stored
    /// The blob is in the caller's own packs.
    case underWay
    /// The blob is in another uploader's packs: the caller must `adopt` it before it finishes.
    case underWayElsewhere
  }

  /// The result of a lookup.
  enum Lookup {
    case stored([BlobLocation])
    case pending(PendingBlob.Content)
    case unknown
  }

  private(set) var index = CompactIndex()
  private(set) var unindexed = PendingIndex()
  private(set) var pending: [BlobKey: PendingBlob] = [:]
  private var lastUploader: PendingBlob.UploaderID = 0
  /// How often index files were loaded; tells a reader whether another lookup makes sense.
  private(set) var loadCount = 0

  init() {}

  // MARK: Looking up

  func contains(_ key: BlobKey) -> Bool {
    pending[key] != nil || index.contains(key)
  }

  func plaintextByteCount(of key: BlobKey) -> Int? {
    pending[key]?.plaintextByteCount ?? index.plaintextByteCount(of: key)
  }

  func lookUp(_ key: BlobKey) -> Lookup {
    if let blob = pending[key] { return .pending(blob.content) }
    let locations = index.locations(of: key)
    return locations.isEmpty ? .unknown : .stored(locations)
  }

  // MARK: Index files

  mutating func insert(file: IndexID, packs: [IndexFile.Pack]) {
    index.insert(file: file, packs: packs)
  }

  /// Ends a load of index files: forgets files that are gone.
  mutating func endLoad(forgetting gone: Set<IndexID>) {
    loadCount += 1
    if !gone.isEmpty { unindexed.renumber(index.forget(files: gone)) }
  }

  /// Records that the durable index file `file` names `packs`.
  mutating func name(_ packs: [PendingIndex.Pack], in file: IndexID, at now: ContinuousClock.Instant) {
    let slots = packs.map(\.slot)
    index.assign(slots: slots, to: file)
    unindexed.remove(slots: Set(slots), at: now)
  }

  /// Forgets packs that no index file names and that are no longer on the storage.
  mutating func forget(unindexed packs: [PendingIndex.Pack], at now: ContinuousClock.Instant) {
    let slots = packs.map(\.slot)
    unindexed.remove(slots: Set(slots), at: now)
    unindexed.renumber(index.forget(slots: slots))
  }

  // MARK: Uploading

  mutating func registerUploader() -> PendingBlob.UploaderID {
    lastUploader += 1
    return lastUploader
  }

  /// Decides at one instant who stores a blob: of two equal calls only one gets `.mine`.
  mutating func claim(_ key: BlobKey, _ plaintext: PooledBytes, by uploader: PendingBlob.UploaderID) -> Claim {
    if var blob = pending[key] {
      if blob.holder(uploader) != nil { return .underWay }
      if !blob.dependents.contains(uploader) {
        blob.dependents.append(uploader)
        pending[key] = blob
      }
      return .underWayElsewhere
    }
    if index.contains(key) { return .stored }
    pending[key] = PendingBlob(
      content: .plaintext(plaintext), plaintextByteCount: plaintext.byteCount,
      holders: [PendingBlob.Holder(uploader: uploader)])
    return .mine
  }

  /// Records that a pending blob is in a pack. Does nothing if the blob was given up or stored meanwhile.
  mutating func setContent(_ content: PendingBlob.Content, of key: BlobKey, by uploader: PendingBlob.UploaderID) {
    guard pending[key]?.holder(uploader) != nil else { return }
    pending[key]?.content = content
  }

  /// Records that `pack` is closed and that `flight` uploads it.
  mutating func beginFlight(_ pack: BuiltPack, by uploader: PendingBlob.UploaderID, flight: Task<Void, Never>) {
    for entry in pack.blobs {
      let key = BlobKey(id: entry.id, type: entry.type)
      guard let position = pending[key]?.holder(uploader) else { continue }
      pending[key]?.holders[position].flight = flight
    }
  }

  /// Gives up the blobs of a pack that did not arrive.
  mutating func failFlight(_ pack: BuiltPack, by uploader: PendingBlob.UploaderID) {
    for entry in pack.blobs {
      remove(uploader, from: BlobKey(id: entry.id, type: entry.type)) { _ in true }
    }
  }

  /// Moves a pack's blobs from pending to stored: the pack is durable.
  mutating func store(_ pack: IndexFile.Pack, at now: ContinuousClock.Instant) {
    let slot = index.insert(pack)
    unindexed.append(PendingIndex.Pack(content: pack, slot: slot), at: now)
    for blob in pack.blobs { pending[BlobKey(id: blob.id, type: blob.type)] = nil }
  }

  /// The uploads of packs that hold a blob; each will arrive or fail before long.
  func flights(of key: BlobKey) -> [Task<Void, Never>] {
    pending[key]?.holders.compactMap(\.flight) ?? []
  }

  /// Gives the blob to `uploader`, which relied on another uploader for it. Returns nil if a durable pack already holds
  /// the blob.
  ///
  /// If another holder has it in an open pack, both store the blob, because the other may never finish.
  mutating func adopt(_ key: BlobKey, by uploader: PendingBlob.UploaderID) -> PendingBlob.Content? {
    guard let blob = pending[key] else { return nil }
    pending[key]?.dependents.removeAll { $0 == uploader }
    pending[key]?.holders.append(PendingBlob.Holder(uploader: uploader))
    return blob.content
  }

  /// Gives up everything that `uploader` has in open packs; blobs that another uploader relies on stay, for that one to
  /// adopt. Uploads of packs continue, because most of them will arrive.
  mutating func abandon(_ uploader: PendingBlob.UploaderID) {
    for key in Array(pending.keys) { remove(uploader, from: key) { $0.flight == nil } }
  }

  private mutating func remove(
    _ uploader: PendingBlob.UploaderID, from key: BlobKey, where condition: (PendingBlob.Holder) -> Bool
  ) {
    guard var blob = pending[key] else { return }
    blob.holders.removeAll { $0.uploader == uploader && condition($0) }
    blob.dependents.removeAll { $0 == uploader }
    pending[key] = blob.holders.isEmpty && blob.dependents.isEmpty ? nil : blob
  }
}
