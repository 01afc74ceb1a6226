/// Keeps index files, snapshots and packs of trees on this machine's disk; the outermost decorator.
///
/// 1. The storage comes first: a file is put into the cache after the storage has it, and taken out after it is gone there.
///    A save does not wait for this machine's disk: a commit has its lock confirmed right after it.
/// 2. A whole file from the cache is believed when its SHA-256 is its name. Of packs parts are read: whoever opens a blob
///    checks its MAC and its id, and has the cache forget a pack that is not what it should be (`RepositoryCache.forget`).
/// 3. Config, keys, locks and packs of data are never kept. Sizes, lists and what is there are the storage's alone to tell.
/// 4. A pack of trees is fetched as a whole when something in it is needed for the first time, in one request: its other
///    trees will be needed soon. One larger than `BackendFileType.wholeByteLimit` is read in parts, and not kept.
/// 5. A list takes out of the cache what the storage does not have any more, but nothing that this process has saved since:
///    lists may lag behind.
struct CachingBackend: Backend {
  private struct State {
    /// What this process has saved and no list has shown yet.
    var unlisted: Set<BackendFile> = []
    /// How many files the last list of each type had.
    var counts: [BackendFileType: Int] = [:]
    /// Packs that are not kept: they are too large, or damaged on the storage.
    var unfit: Set<BackendFile> = []
  }

  private let base: any Backend
  private let cache: RepositoryCache
  private let traffic: TrafficCounter
  private let state = Shared()
  /// By the name of a pack: one task at a time fetches it.
  private let gates = (0..<gateCount).map { _ in ConnectionGate(connections: 1) }

  private static let gateCount = 64

  /// `base`, with its files in `cache`. `traffic` counts the loads of files that are kept.
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
      // What has to be read in pieces is too large for the cache, unless it is a pack.
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

  func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await base.listingsAreImmediate(of: type)
  }

  // MARK: What others have read

  /// Keeps `bytes`, the content of `file`, which is named for them.
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

  /// All of `file`, from the storage, and whether it is what its name says; then it is kept.
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
    // Without room for a whole pack the part has to do.
    guard await cache.keeps(pack), BufferPool.shared.hasRoom, !state.locked.withLock({ $0.unfit.contains(pack) })
    else { return try await base.load(pack, range: range) }

    let gate = gates[abs(pack.hashValue % Self.gateCount)]
    guard await gate.enter() else { throw .unavailable("cancelled while waiting for \(pack)") }
    defer { gate.leave() }
    // Somebody else may have fetched it meanwhile.
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

  /// Takes out of the cache what is not among `entries`, all that the storage has of `type`. `cached` is what was in the cache
  /// before; nil: it was looked through already, and is again only if something has gone since.
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
