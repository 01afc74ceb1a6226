internal import Logging
import SystemPackage

/// The cache of one repository: a `CacheFolder`, with the promise that faults of the cache are never errors.
///
/// 1. If there can be no cache, there is none: every load finds nothing, and a log line says why (`-v`).
/// 2. Later failures are reported by one warning, and count as not cached.
/// 3. A file that was found bad (`forget`) is not trusted again by this process.
/// 4. No system call is made on Swift's own threads.
/// 5. A caller that saves need not wait until this machine's disk has the bytes (`saveBeside`); a caller that loads the
///    file waits for them.
///
/// Lock order: `state` is a leaf; `gate` is held while the folder is made.
final class RepositoryCache: Sendable {
  private struct State {
    /// Nil before the first look.
    var isThere: Bool?
    /// Whether the last write succeeded.
    var takesMore = true
    var isTold = false
    var distrusted: Set<BackendFile> = []
  }

  /// Whether the repository's files are kept.
  let keepsFiles: Bool
  private let folder: CacheFolder
  private let executor = BlockingExecutor(threadCount: 4)
  private let gate = AsyncGate()
  private let writes = CacheWrites()
  private let state = Locked(State())
  private let logger: Logger

  /// The cache at `place` of the repository with this id, as its config spells it; nil if the id is malformed. Makes no
  /// system call yet.
  init?(_ place: CachePlace, repositoryID: String, logger: Logger) {
    guard let id = ID<Never>(hex: repositoryID) else { return nil }
    folder = CacheFolder(base: place.folder, repository: id)
    keepsFiles = place.keepsFiles
    self.logger = logger
  }

  // MARK: Files

  /// The bytes of a cached `file` in `range`, or all of them; nil if they are not cached. The bytes are not trusted:
  /// the caller checks them, and calls `forget` if they are bad.
  func load(_ file: BackendFile, range: Range<Int>?) async -> PooledBytes? {
    guard !isDistrusted(file) else { return nil }
    await writes.wait(for: file)
    return await run { [folder] () throws(Errno) in try folder.load(file, range: range) }.flatMap(\.self)
  }

  /// Puts `file` into the cache.
  func save(_ file: BackendFile, _ bytes: PooledBytes) async {
    guard !isDistrusted(file) else { return }
    let isSaved = await run { [folder] () throws(Errno) in try folder.save(file, bytes) } != nil
    state.withLock { $0.takesMore = isSaved }
  }

  /// Puts `file` into the cache in the background. If too much is waiting to be written, the file is not cached.
  func saveBeside(_ file: BackendFile, _ bytes: PooledBytes) {
    writes.begin(file, byteCount: bytes.byteCount) { [self] in await save(file, bytes) }
  }

  /// Runs `write`, which makes another change in the cache, in the background.
  func changeBeside(_ write: @escaping @Sendable () async -> Void) {
    writes.begin(nil, byteCount: 0, write)
  }

  /// Waits for the background writes, at most for `limit`.
  func finish(within limit: Duration) async {
    await writes.finish(within: limit)
  }

  /// Removes files from the cache that the repository no longer has.
  func remove(_ files: [BackendFile]) async {
    guard !files.isEmpty else { return }
    for file in files { await writes.wait(for: file) }
    _ = await run { [folder] () throws(Errno) in for file in files { try folder.remove(file) } }
  }

  /// Removes a bad file from the cache, and does not trust the cache for this file any more. Returns true if the file
  /// was there and this is the first time: then the storage may have a good one.
  func forget(_ file: BackendFile) async -> Bool {
    guard state.withLock({ $0.distrusted.insert(file).inserted }) else { return false }
    await writes.wait(for: file)
    return await run { [folder] () throws(Errno) in try folder.remove(file) } ?? false
  }

  /// Whether a file that is loaded from the storage now is likely to be found in the cache later.
  func keeps(_ file: BackendFile) async -> Bool {
    guard await isThere() else { return false }
    return state.withLock { $0.takesMore && !$0.distrusted.contains(file) }
  }

  /// The cached files of `type`.
  func files(of type: BackendFileType) async -> [BackendFile] {
    await run { [folder] () throws(Errno) in try folder.names(of: type) } ?? []
  }

  /// The result of `body` for the repository's folder in the cache; nil if there is none or `body` throws.
  func withFolder<Success: Sendable>(
    _ body: @escaping @Sendable (borrowing OwnFolder) throws(Errno) -> Success
  ) async -> Success? {
    await run { [folder] () throws(Errno) in
      try folder.withFolder { folder throws(Errno) in try body(folder) }
    }
  }

  // MARK: Parts

  private func isDistrusted(_ file: BackendFile) -> Bool { state.withLock { $0.distrusted.contains(file) } }

  /// The result of `body`, run on a thread of the cache; nil if there is no cache or `body` throws.
  private func run<Success: Sendable>(
    _ body: @escaping @Sendable () throws(Errno) -> Success
  ) async -> Success? {
    guard await isThere() else { return nil }
    do throws(Errno) {
      return try await executor.run(body)
    } catch {
      // Another process is removing the cache.
      if error != .noSuchFileOrDirectory { tell("\(CacheFailure(folder.path, error))") }
      return nil
    }
  }

  private func isThere() async -> Bool {
    if let known = state.withLock({ $0.isThere }) { return known }
    return await gate.pass {
      if let known = state.withLock({ $0.isThere }) { return known }
      var isThere = true
      do throws(CacheFailure) {
        try await executor.run { [folder] () throws(CacheFailure) in try folder.prepare() }
      } catch {
        logger.info("\(error); going on without a cache")
        isThere = false
      }
      state.withLock { $0.isThere = isThere }
      return isThere
    }
  }

  private func tell(_ message: String) {
    let isNews = state.withLock { state in
      defer { state.isTold = true }
      return !state.isTold
    }
    if isNews { logger.warning("\(message); going on without it (--no-cache)") }
  }
}
