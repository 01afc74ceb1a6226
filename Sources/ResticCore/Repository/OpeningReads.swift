/// What an opening asks the storage for before anybody has typed a password: one round of requests for the config and the lists,
/// and one for the files that the lists name.
///
///     let reads = OpeningReads(of: backend, .everything)   // begins
///     try await reads.requireConfig()                      // there is a repository: now somebody may be asked for a password
///     let repository = try await Repository.open(on: backend, password: password, reads: reads)
///
/// Nothing of it is trusted. A file that is named for its content is taken only where the content has the name; whatever
/// cannot be used is asked for again. The lists of snapshots, index files and locks only tell what to read early: whoever relies
/// on such a list makes a new one. What is mounted is chosen after the mount has waited for other commits.
///
/// What is in a cache on this machine is not read early: it is at hand. Which cache is the repository's is not known yet, and
/// does not matter, as files are named for their content.
///
/// Bounds, as nobody has shown a password yet: files of `byteLimit` bytes in all are kept, by their listed sizes, and a
/// file of another size is dropped. Thread-safe.
public final class OpeningReads: Sendable {
  /// What is asked for.
  public enum Scope: Sendable {
    /// What a password needs: the config and the keys.
    case keys
    /// What a mount begins with, too: locks, snapshots and the index.
    case everything
  }

  /// A request, when it was made, and what came of it.
  struct Request<Value: Sendable>: Sendable {
    let begin = ContinuousClock.now
    private let task: Task<Result<Value, BackendError>, Never>

    /// What came of it, once that is known. Whoever gives up waiting gives up the request.
    var answer: Result<Value, BackendError> {
      get async {
        await withTaskCancellationHandler {
          await task.value
        } onCancel: {
          task.cancel()
        }
      }
    }

    init(_ call: @escaping @Sendable () async throws(BackendError) -> Value) {
      task = Task {
        do throws(BackendError) {
          return .success(try await call())
        } catch {
          return .failure(error)
        }
      }
    }

    func isRecent(_ lifetime: Duration) -> Bool { begin.duration(to: .now) < lifetime }
  }

  /// Kept at most, in bytes.
  private static let byteLimit = 8 << 20
  /// Files of one type that are read early at most.
  private static let fileLimit = 64
  /// Keys that are read early unless one is hinted at: most repositories have no more.
  private static let keyLimit = 3

  private struct State {
    var remainingByteCount = OpeningReads.byteLimit
    var files: [BackendFile: Request<PooledBytes>] = [:]
    var lists: [BackendFileType: Request<[BackendEntry]>] = [:]
    /// Those that are in a cache.
    var cached: Set<BackendFile> = []
  }

  private let backend: any Backend
  private let cache: CachePlace?
  private let keyHint: String?
  /// A list that was made longer ago is made anew: somebody may have taken a while to type a password.
  private let lifetime: Duration
  private let state = Locked(State())
  let config: Request<PooledBytes>

  /// Begins to read what `scope` says of the repository on `backend`, and is not in `cache`. `keyHint` is the beginning of a
  /// key's id.
  public convenience init(of backend: any Backend, cache: CachePlace? = nil, keyHint: String? = nil, _ scope: Scope) {
    self.init(of: backend, cache: cache, keyHint: keyHint, scope, lifetime: .seconds(5))
  }

  init(
    of backend: any Backend, cache: CachePlace? = nil, keyHint: String? = nil, _ scope: Scope, lifetime: Duration
  ) {
    self.backend = backend
    self.cache = cache
    self.keyHint = keyHint
    self.lifetime = lifetime
    config = Request { () async throws(BackendError) in try await backend.load(.config) }
    let types: [BackendFileType] =
      switch scope {
      case .keys: [.key]
      case .everything: [.key, .lock, .snapshot, .index]
      }
    for type in types { list(type) }
  }

  /// Throws `.noRepository` where there is no config, `.damaged` where the config is empty, and what the storage failed with.
  public func requireConfig() async throws(RepositoryError) {
    switch await config.answer {
    case .success(let bytes):
      guard bytes.byteCount > 0 else { throw .damaged("config is empty") }
    case .failure(.notFound), .failure(.missing): throw .noRepository(backend.description)
    case .failure(.tooLarge): return  // Whoever reads it says so.
    case .failure(let error): throw .backend(error)
    }
  }

  // MARK: What was read

  /// The config's bytes and when they were asked for; nil where that is too long ago, or failed.
  func recentConfig() async -> (bytes: PooledBytes, begin: ContinuousClock.Instant)? {
    guard config.isRecent(lifetime), case .success(let bytes) = await config.answer else { return nil }
    return (bytes, config.begin)
  }

  /// The files of `type` that are read early or are in a cache, whenever they were listed.
  func files(of type: BackendFileType) async -> [BackendEntry] {
    guard let request = state.withLock({ $0.lists[type] }),
      case .success(let entries) = await request.answer
    else { return [] }
    return state.withLock { state in
      entries.filter { state.files[$0.file] != nil || state.cached.contains($0.file) }
    }
  }

  /// The keys as they were listed. May be asked for again and again.
  func keys() async throws(RepositoryError) -> [BackendEntry] {
    do throws(BackendError) {
      if let request = state.withLock({ $0.lists[.key] }), request.isRecent(lifetime) {
        return try await request.answer.get()
      }
      return try await backend.list(.key)
    } catch {
      throw .backend(error)
    }
  }

  /// The content of the key `id`, if that was read and has the name that it is to have. May be asked for again and again. Throws
  /// what the storage failed with, where another try is of no use.
  func key(_ id: KeyID) async throws(RepositoryError) -> PooledBytes? {
    guard let request = state.withLock({ $0.files[.key(id)] }) else { return nil }
    switch await request.answer {
    case .success(let bytes): return Self.named(.key(id), bytes)
    case .failure(let error) where error.isRetryable: throw .backend(error)
    case .failure: return nil
    }
  }

  /// The content of `file`, if that was read and has the name that it is to have; once.
  func take(_ file: BackendFile) async -> PooledBytes? {
    guard let request = state.withLock({ $0.files.removeValue(forKey: file) }),
      case .success(let bytes) = await request.answer
    else { return nil }
    return Self.named(file, bytes)
  }

  /// Waits until `file` is read, or failed to be, if it is being read.
  func wait(for file: BackendFile) async {
    _ = await state.withLock { $0.files[file] }?.answer
  }

  private static func named(_ file: BackendFile, _ bytes: PooledBytes) -> PooledBytes? {
    let id: ID<Never> = bytes.withUnsafeBytes { SHA256.id(of: $0) }
    return id.hex == file.name ? bytes : nil
  }

  // MARK: Reading

  private func list(_ type: BackendFileType) {
    let request = Request<[BackendEntry]> { [weak self, backend] () async throws(BackendError) in
      let entries = try await backend.list(type)
      await self?.read(entries, of: type)
      return entries
    }
    state.withLock { $0.lists[type] = request }
  }

  /// Begins to read those of `entries` that are few and small.
  private func read(_ entries: [BackendEntry], of type: BackendFileType) async {
    let wanted = wanted(entries, of: type)
    let cached = await cache?.cached(wanted.map(\.file)) ?? []
    if !cached.isEmpty { state.withLock { $0.cached.formUnion(cached) } }
    for entry in wanted where !cached.contains(entry.file) {
      state.withLock { state in
        guard entry.byteCount > 0, entry.byteCount <= state.remainingByteCount else { return }
        state.remainingByteCount -= entry.byteCount
        state.files[entry.file] = Request { [backend] () async throws(BackendError) in
          let bytes = try await backend.load(entry.file)
          guard bytes.byteCount == entry.byteCount else { throw .truncated(entry.file) }
          return bytes
        }
      }
    }
  }

  private func wanted(_ entries: [BackendEntry], of type: BackendFileType) -> [BackendEntry] {
    guard type == .key else { return entries.count > Self.fileLimit ? [] : entries }
    return KeySearch.order(entries.map(\.file), hint: keyHint).prefix(hintedCount(entries)).compactMap { file in
      entries.first { $0.file == file }
    }
  }

  /// How many keys to read early: a hint names the right one.
  private func hintedCount(_ entries: [BackendEntry]) -> Int {
    KeySearch.hinted(entries.map(\.file), hint: keyHint).isEmpty ? Self.keyLimit : 1
  }
}
