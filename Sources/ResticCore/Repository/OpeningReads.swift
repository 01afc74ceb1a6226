/// The requests that an opening sends before anybody has typed a password: one round for the config and the lists, and
/// one for the files that the lists name.
///
///     let reads = OpeningReads(of: backend, .everything)   // begins
///     try await reads.requireConfig()                      // there is a repository: now somebody may be asked for a password
///     let repository = try await Repository.open(on: backend, password: password, reads: reads)
///
/// The answers are not trusted. A file that is named for its content is used only if its content fits its name;
/// anything unusable is requested again. The lists of snapshots, index files and locks only say what to read early:
/// code that relies on such a list makes a new one. The snapshot to mount is chosen after the mount has waited for
/// other commits.
///
/// Files in a cache on this machine are not read early, because they are at hand. It is not known yet which cache is
/// the repository's; this does not matter, because files are named for their content.
///
/// Limits, because nobody has given a password yet: files of at most `byteLimit` bytes in all are kept, by their listed
/// sizes, and a file of another size is dropped. Thread-safe.
public final class OpeningReads: Sendable {
  /// Which files are requested.
  public enum Scope: Sendable {
    /// The files that a password is checked against: the config and the keys.
    case keys
    /// In addition the files with which a mount begins: locks, snapshots and the index.
    case everything
  }

  /// A request, when it was made, and its answer.
  struct Request<Value: Sendable>: Sendable {
    let begin = ContinuousClock.now
    private let task: Task<Result<Value, BackendError>, Never>

    /// The answer, once it has arrived. A caller that stops waiting cancels the request.
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

  /// The most bytes that are kept.
  private static let byteLimit = 8 << 20
  /// The most files of one type that are read early.
  private static let fileLimit = 64
  /// How many keys are read early unless a hint names one: most repositories have no more.
  private static let keyLimit = 3

  private struct State {
    var remainingByteCount = OpeningReads.byteLimit
    var files: [BackendFile: Request<PooledBytes>] = [:]
    var lists: [BackendFileType: Request<[BackendEntry]>] = [:]
    /// The files that are in a cache.
    var cached: Set<BackendFile> = []
  }

  private let backend: any Backend
  private let cache: CachePlace?
  private let keyHint: String?
  /// After this time a list is requested again: a person may have taken long to type the password.
  private let lifetime: Duration
  private let state = Locked(State())
  let config: Request<PooledBytes>

  /// Begins to read the files of `scope` from the repository on `backend`, except those in `cache`. `keyHint` is the
  /// beginning of a key's id.
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

  /// Throws `.noRepository` if there is no config, `.damaged` if the config is empty, and the storage's error.
  public func requireConfig() async throws(RepositoryError) {
    switch await config.answer {
    case .success(let bytes):
      guard bytes.byteCount > 0 else { throw .damaged("config is empty") }
    case .failure(.notFound), .failure(.missing): throw .noRepository(backend.description)
    case .failure(.tooLarge): return  // The code that reads the config reports it.
    case .failure(let error): throw .backend(error)
    }
  }

  // MARK: What was read

  /// The config's bytes and the time of the request; nil if that is too long ago, or failed.
  func recentConfig() async -> (bytes: PooledBytes, begin: ContinuousClock.Instant)? {
    guard config.isRecent(lifetime), case .success(let bytes) = await config.answer else { return nil }
    return (bytes, config.begin)
  }

  /// The files of `type` that are read early or are in a cache, whatever the age of the list.
  func files(of type: BackendFileType) async -> [BackendEntry] {
    guard let request = state.withLock({ $0.lists[type] }),
      case .success(let entries) = await request.answer
    else { return [] }
    return state.withLock { state in
      entries.filter { state.files[$0.file] != nil || state.cached.contains($0.file) }
    }
  }

  /// The listed keys. May be called several times.
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

  /// The content of the key `id`, if it was read and fits its name. May be called several times. Throws the storage's
  /// error if another try is of no use.
  func key(_ id: KeyID) async throws(RepositoryError) -> PooledBytes? {
    guard let request = state.withLock({ $0.files[.key(id)] }) else { return nil }
    switch await request.answer {
    case .success(let bytes): return Self.named(.key(id), bytes)
    case .failure(let error) where error.isRetryable: throw .backend(error)
    case .failure: return nil
    }
  }

  /// The content of `file`, if it was read and fits its name; returned only once.
  func take(_ file: BackendFile) async -> PooledBytes? {
    guard let request = state.withLock({ $0.files.removeValue(forKey: file) }),
      case .success(let bytes) = await request.answer
    else { return nil }
    return Self.named(file, bytes)
  }

  /// Waits until `file`, if it is being read, has been read or has failed.
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

  /// Begins to read `entries`, unless they are too many or too large.
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

  /// How many keys to read early: one if a hint names it.
  private func hintedCount(_ entries: [BackendEntry]) -> Int {
    KeySearch.hinted(entries.map(\.file), hint: keyHint).isEmpty ? Self.keyLimit : 1
  }
}
