/// Keeps index files, snapshots and packs of trees on this machine's disk; the outermost decorator.
///
/// 1. The storage comes first: a file is put into the cache after the storage has it, and removed from the cache after
///    it is gone from the storage. A save does not wait for this machine's disk, because a commit confirms its lock
///    right after it.
/// 2. A whole file from the cache is trusted if its SHA-256 is its name. Packs are read in parts: the code that opens a
///    blob checks its MAC and its id, and makes the cache forget a bad pack (`RepositoryCache.forget`).
/// 3. Config, keys, locks and packs of data are never cached. Sizes, lists and existence always come from the storage.
/// 4. A pack of trees is loaded as a whole, in one request, when something in it is needed for the first time, because
///    its other trees will be needed soon. A pack larger than `BackendFileType.wholeByteLimit` is read in parts, and
///    not cached.
/// 5. A list removes files from the cache that the storage no longer has, except those that this process has saved
///    since, because lists may lag behind.
struct CachingBackend: Backend {
  private struct State {
    /// Files that this process has saved and no list has shown yet.
    var unlisted: Set<BackendFile> = []
    /// The number of files in the last list of each type.
    var counts: [BackendFileType: Int] = [:]
    /// Packs that are not cached: too large, or damaged on the storage.
    var unfit: Set<BackendFile> = []
  }

  private let base: any Backend
  private let cache: RepositoryCache
  private let traffic: TrafficCounter
  private let state = Shared()
  /// By the name of a pack: one task at a time loads it.
  private let gates = (0..<gateCount).map { _ in ConnectionGate(connections: 1) }

  private static let gateCount = 64

  /// `base`, with files cached in `cache`. `traffic` counts the loads of cacheable files.
  init(_ base: any Backend, cache: RepositoryCache, traffic: TrafficCounter = TrafficCounter()) {
    self.base = base
    self.cache = cache
    self.traffic = traffic
  }

  var description: String { base.description }
  var isDistant: Bool { base.isDistant }

  func create() async throws(BackendError) {
    try await base.create()
  }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await base.save(file, bytes)
    guard Self.isKept(file) else { return }
    if file.type != .data { state.locked.withLock { _ = $0.unlisted.insert(file) } }
    cache.saveBeside(file, bytes)
  }

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    guard Self.isKept(file) else { return try await base.load(file, range: range) }
    if let range {
      // A file that must be read in pieces is too large for the cache, unless it is a pack.
      return file.type == .data ? try await loadPart(range, of: file) : try await base.load(file, range: range)
    }
    if let cached = await cache.load(file, range: nil) {
      if Self.isNamed(file, cached) {
        traffic.addCached(isHit: true)
        return cached
      }
      await cache.remove([file])
    }
    traffic.addCached(isHit: false)
    return try await fetch(file).bytes
  }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    do throws(BackendError) {
      return try await base.byteCount(of: file)
    } catch .notFound {
      if Self.isKept(file) { await cache.remove([file]) }
      throw .notFound(file)
    }
  }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await list(type, knowing: [:])
  }

  func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    guard type == .index || type == .snapshot else { return try await base.list(type, knowing: byteCounts) }
    // What was in the cache before the list began was on the storage then.
    let mayHaveGone = state.locked.withLock { $0.counts[type] == nil }
    async let cached = mayHaveGone ? cache.files(of: type) : []
    let entries = try await base.list(type, knowing: byteCounts)
    await removeAllBut(entries, of: type, cached: mayHaveGone ? await cached : nil)
    return entries
  }

  func remove(_ file: BackendFile) async throws(BackendError) {
    try await base.remove(file)
    if Self.isKept(file) { await cache.remove([file]) }
  }

  func capacity() async throws(BackendError) -> StorageCapacity? {
    try await base.capacity()
  }

  func clockOffset() async throws(BackendError) -> Duration? {
    try await base.clockOffset()
  }

  func writeTime(of file: BackendFile) async throws(BackendError) -> Timestamp? {
    try await base.writeTime(of: file)
  }

  func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await base.listingsAreImmediate(of: type)
  }

  // MARK: What others have read

  /// Caches `bytes`, the content of `file`, which is named for them.
  func keep(_ file: BackendFile, _ bytes: PooledBytes) async {
    if Self.isKept(file) { await cache.save(file, bytes) }
  }

  // MARK: Parts

  private static func isKept(_ file: BackendFile) -> Bool {
    switch file.type {
    case .index, .snapshot: true
    case .data: file.blobType == .tree
    case .config, .key, .lock: false
    }
  }

  private static func isNamed(_ file: BackendFile, _ bytes: PooledBytes) -> Bool {
    let id: ID<Never> = bytes.withUnsafeBytes { SHA256.id(of: $0) }
    return id.hex == file.name
  }

  /// All of `file` from the storage, and whether its content fits its name; if it does, the file is cached.
  private func fetch(_ file: BackendFile) async throws(BackendError) -> (bytes: PooledBytes, isSound: Bool) {
    let bytes = try await base.load(file, range: nil)
    let isSound = Self.isNamed(file, bytes)
    if isSound { await cache.save(file, bytes) }
    return (bytes, isSound)
  }

  /// The bytes of a pack of trees in `range`.
  private func loadPart(_ range: Range<Int>, of pack: BackendFile) async throws(BackendError) -> PooledBytes {
    if let cached = await cache.load(pack, range: range) {
      traffic.addCached(isHit: true)
      return cached
    }
    traffic.addCached(isHit: false)
    // If there is no room for a whole pack, only the part is loaded.
    guard await cache.keeps(pack), BufferPool.shared.hasRoom, !state.locked.withLock({ $0.unfit.contains(pack) })
    else { return try await base.load(pack, range: range) }

    let gate = gates[abs(pack.hashValue % Self.gateCount)]
    guard await gate.enter() else { throw .unavailable("cancelled while waiting for \(pack)") }
    defer { gate.leave() }
    // Another task may have loaded the pack meanwhile.
    if let cached = await cache.load(pack, range: range) { return cached }
    do throws(BackendError) {
      let (whole, isSound) = try await fetch(pack)
      if !isSound { state.locked.withLock { _ = $0.unfit.insert(pack) } }
      guard range.upperBound <= whole.byteCount else { throw .truncated(pack) }
      return whole.withUnsafeBytes { PooledBytes(copying: UnsafeRawBufferPointer(rebasing: $0[range])) }
    } catch .tooLarge {
      state.locked.withLock { _ = $0.unfit.insert(pack) }
      return try await base.load(pack, range: range)
    }
  }

  /// Removes files from the cache that are not among `entries`, which is everything of `type` on the storage. `cached`
  /// are the files that were in the cache before; nil: they were compared already, and are compared again only if
  /// something has gone since.
  private func removeAllBut(_ entries: [BackendEntry], of type: BackendFileType, cached: [BackendFile]?) async {
    let (mayBeUnlisted, hasShrunk) = state.locked.withLock { state in
      let hasShrunk = state.counts[type].map { $0 > entries.count } ?? false
      state.counts[type] = entries.count
      return (!state.unlisted.isEmpty, hasShrunk)
    }
    guard mayBeUnlisted || hasShrunk || cached?.isEmpty == false else { return }
    let listed = Set(entries.map(\.file))
    let unlisted = state.locked.withLock { state in
      state.unlisted.subtract(listed)
      return state.unlisted
    }
    var files = cached ?? []
    if hasShrunk { files = await cache.files(of: type) }
    await cache.remove(files.filter { !listed.contains($0) && !unlisted.contains($0) })
  }

  /// State that all copies of the value share.
  private final class Shared: Sendable {
    let locked = Locked(State())
  }
}
