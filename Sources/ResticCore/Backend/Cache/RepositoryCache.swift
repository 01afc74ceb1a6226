internal import Logging
import SystemPackage

/// The cache of one repository: a `CacheFolder`, and the promise that nothing that is wrong with it is ever an error.
///
/// 1. Where there can be no cache there is none: every load finds nothing, and a line in the log says why (`-v`).
/// 2. What fails later is told by one warning, and counts as not cached.
/// 3. A file that was found wrong (`forget`) is not believed again by this process.
/// 4. No call of the system's is made on Swift's own threads.
/// 5. Whoever saves may leave before this machine's disk has the bytes (`saveBeside`); whoever asks for the file then waits for it.
///
/// Lock order: `state` is a leaf; `gate` is held while the folder is made.
final class RepositoryCache: Sendable {
  private struct State {
    /// Nil before the first look.
    var isThere: Bool?
    /// Whether the last thing that was written could be written.
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

  /// The cache at `place` of the repository with this id, as its config spells it; nil for an id that is none. Nothing is
  /// looked at yet.
  init?(_ place: CachePlace, repositoryID: String, logger: Logger) {
    guard let id = ID<Never>(hex: repositoryID) else { return nil }
    folder = CacheFolder(base: place.folder, repository: id)
    keepsFiles = place.keepsFiles
    self.logger = logger
  }

  // MARK: Files

  /// The bytes of a cached `file` in `range`, or all of them; nil where they are not there. They may be anything: whoever asks
  /// checks them, and calls `forget`.
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

  /// Puts `file` into the cache while the caller goes on. Where too much is on its way already, the file is not kept.
  func saveBeside(_ file: BackendFile, _ bytes: PooledBytes) {
    writes.begin(file, byteCount: bytes.byteCount) { [self] in await save(file, bytes) }
  }

  /// Does `write`, which changes something else in the cache, while the caller goes on.
  func changeBeside(_ write: @escaping @Sendable () async -> Void) {
    writes.begin(nil, byteCount: 0, write)
  }

  /// Waits for what was begun beside the caller, at most for `limit`.
  func finish(within limit: Duration) async {
    await writes.finish(within: limit)
  }

  /// Takes files out of the cache that the repository has no more.
  func remove(_ files: [BackendFile]) async {
    guard !files.isEmpty else { return }
    for file in files { await writes.wait(for: file) }
    _ = await run { [folder] () throws(Errno) in for file in files { try folder.remove(file) } }
  }

  /// Takes a file out of the cache that is not what it should be, and believes the cache no more as to this file. Says
  /// whether that is news and there was one: then the storage may have a sound one.
  func forget(_ file: BackendFile) async -> Bool {
    guard state.withLock({ $0.distrusted.insert(file).inserted }) else { return false }
    await writes.wait(for: file)
    return await run { [folder] () throws(Errno) in try folder.remove(file) } ?? false
  }

  /// Whether what is loaded from the storage now will be found in the cache later, as far as one can tell.
  func keeps(_ file: BackendFile) async -> Bool {
    guard await isThere() else { return false }
    return state.withLock { $0.takesMore && !$0.distrusted.contains(file) }
  }

  /// The cached files of `type`.
  func files(of type: BackendFileType) async -> [BackendFile] {
    await run { [folder] () throws(Errno) in try folder.names(of: type) } ?? []
  }

  /// What `body` makes of the repository's folder in the cache; nil where that cannot be done.
  func withFolder<Success: Sendable>(
    _ body: @escaping @Sendable (borrowing OwnFolder) throws(Errno) -> Success
  ) async -> Success? {
    await run { [folder] () throws(Errno) in
      try folder.withFolder { folder throws(Errno) in try body(folder) }
    }
  }

  // MARK: Parts

  private func isDistrusted(_ file: BackendFile) -> Bool { state.withLock { $0.distrusted.contains(file) } }

  /// The result of `body`, run on a thread of the cache's; nil where there is no cache or `body` throws.
  private func run<Success: Sendable>(
    _ body: @escaping @Sendable () throws(Errno) -> Success
  ) async -> Success? {
    guard await isThere() else { return nil }
    do throws(Errno) {
      return try await executor.run(body)
    } catch {
      // Somebody is removing the cache.
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
