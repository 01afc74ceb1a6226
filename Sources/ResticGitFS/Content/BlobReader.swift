import ResticCore

/// Reads file content from extents: from memory, the blob cache, or the repository.
///
/// Readers of one blob that is not cached share one load; blobs that are needed together and are close in a pack share
/// one request. Thread-safe; `state` is a leaf lock, never held during a load.
final class BlobReader: Sendable {
  private typealias Waiter = CheckedContinuation<[UInt8], any Error>

  /// A blob being loaded.
  private struct Load {
    var waiters: [Waiter] = []
    /// Its share of `preparedByteCount` while it is loaded ahead.
    var preparedByteCount = 0
  }

  private struct State {
    var cache: BlobCache
    var loads: [BlobID: Load] = [:]
    /// The bytes of all blobs being loaded ahead.
    var preparedByteCount = 0
  }

  private let repository: Repository
  private let state: Locked<State>

  /// A reader of `repository` that keeps at most `cacheByteLimit` bytes of plaintext.
  init(repository: Repository, cacheByteLimit: Int) {
    self.repository = repository
    state = Locked(State(cache: BlobCache(byteLimit: cacheByteLimit)))
  }

  /// The bytes of the consecutive `slices`, if memory and cache have them all; otherwise nil.
  func cachedBytes(of slices: [ExtentMap.Extent]) -> ArraySlice<UInt8>? {
    var blobs: [BlobID: [UInt8]] = [:]
    for slice in slices {
      guard case .blob(let id, let whole, _, _) = slice.source else { continue }
      guard let bytes = blobs[id] ?? state.withLock({ $0.cache.bytes(of: id) }), bytes.count == Int(whole) else {
        return nil
      }
      blobs[id] = bytes
    }
    return Self.assemble(slices, blobs)
  }

  /// The bytes of the consecutive `slices`.
  func bytes(of slices: [ExtentMap.Extent]) async throws -> ArraySlice<UInt8> {
    Self.assemble(slices, try await blobs(of: slices))
  }

  /// Appends the bytes of the consecutive `slices` to `buffer`.
  func append(_ slices: [ExtentMap.Extent], to buffer: PooledBytes) async throws {
    let blobs = try await blobs(of: slices)
    buffer.append(upTo: slices.reduce(0) { $0 + Int($1.byteCount) }) { target in
      Self.copy(slices, blobs, to: target)
      return target.count
    }
  }

  /// Begins to load the blobs of `slices` into the cache, without waiting. Does nothing while a quarter of the cache's
  /// size is being loaded, for any reader: memory is limited, and blobs that are not loaded ahead are loaded when they
  /// are needed.
  func prepare(_ slices: [ExtentMap.Extent]) {
    state.withLock { state in
      var ids: [BlobID] = []
      for slice in slices {
        guard case .blob(let id, let whole, _, _) = slice.source, state.preparedByteCount < state.cache.byteLimit / 4,
          state.loads[id] == nil, !state.cache.contains(id)
        else { continue }
        state.loads[id] = Load(preparedByteCount: Int(whole))
        state.preparedByteCount += Int(whole)
        ids.append(id)
      }
      if !ids.isEmpty { begin(ids) }
    }
  }

  /// Keeps at most `byteLimit` bytes of plaintext from now on.
  func limitCache(to byteLimit: Int) {
    state.withLock { $0.cache.limit(to: byteLimit) }
  }

  /// The blobs of `slices`, each of the stated length.
  private func blobs(of slices: [ExtentMap.Extent]) async throws -> [BlobID: [UInt8]] {
    let ids = Self.blobIDs(of: slices)
    if ids.count > 1 { load(ids) }
    var blobs: [BlobID: [UInt8]] = [:]
    for slice in slices {
      guard case .blob(let id, let whole, _, _) = slice.source else { continue }
      let bytes: [UInt8] = if let known = blobs[id] { known } else { try await blob(id) }
      guard bytes.count == Int(whole) else {
        throw RepositoryError.damaged("blob \(id.short) has \(bytes.count) bytes, the index says \(whole)")
      }
      blobs[id] = bytes
    }
    return blobs
  }

  private static func blobIDs(of slices: [ExtentMap.Extent]) -> [BlobID] {
    slices.compactMap { slice in
      if case .blob(let id, _, _, _) = slice.source { id } else { nil }
    }
  }

  /// The plaintext of a data blob.
  func blob(_ id: BlobID) async throws -> [UInt8] {
    try await withCheckedThrowingContinuation { waiter in
      let cached: [UInt8]? = state.withLock { state in
        if let bytes = state.cache.bytes(of: id) { return bytes }
        if state.loads[id] != nil {
          state.loads[id]?.waiters.append(waiter)
          return nil
        }
        state.loads[id] = Load(waiters: [waiter])
        begin([id])
        return nil
      }
      if let cached { waiter.resume(returning: cached) }
    }
  }

  /// Begins to load those of `ids` that are neither cached nor being loaded.
  private func load(_ ids: [BlobID]) {
    state.withLock { state in
      let missing = Set(ids).filter { state.loads[$0] == nil && !state.cache.contains($0) }
      for id in missing { state.loads[id] = Load() }
      if !missing.isEmpty { begin(Array(missing)) }
    }
  }

  private func begin(_ ids: [BlobID]) {
    Task {
      do throws(RepositoryError) {
        try await repository.loadBlobs(ids, type: .data) { id, bytes in self.end(id, .success(bytes)) }
      } catch {
        var isFinal = ids.count == 1
        if case .backend(let cause) = error, cause.isRetryable { isFinal = true }
        // A damaged blob must not affect the others: each is tried alone, and gets its own error.
        for id in giveUpUnawaited(ids) {
          guard !isFinal else {
            end(id, .failure(error))
            continue
          }
          do throws(RepositoryError) {
            end(id, .success(try await repository.loadBlob(id, type: .data)))
          } catch {
            end(id, .failure(error))
          }
        }
      }
    }
  }

  /// Those of `ids` that a reader waits for. The others were loaded ahead: a reader that needs one loads it again, so
  /// that a vanished pack makes the index be loaded again only for needed blobs.
  private func giveUpUnawaited(_ ids: [BlobID]) -> [BlobID] {
    state.withLock { state in
      ids.filter { id in
        guard let load = state.loads[id] else { return false }
        guard load.waiters.isEmpty else { return true }
        state.loads[id] = nil
        state.preparedByteCount -= load.preparedByteCount
        return false
      }
    }
  }

  private func end(_ id: BlobID, _ result: Result<[UInt8], any Error>) {
    let waiters = state.withLock { state in
      let load = state.loads.removeValue(forKey: id) ?? Load()
      state.preparedByteCount -= load.preparedByteCount
      if case .success(let bytes) = result { state.cache.insert(bytes, as: id, isAwaited: load.waiters.isEmpty) }
      return load.waiters
    }
    for waiter in waiters { waiter.resume(with: result) }
  }

  /// A read within one blob, as almost every read is, copies nothing.
  private static func assemble(_ slices: [ExtentMap.Extent], _ blobs: [BlobID: [UInt8]]) -> ArraySlice<UInt8> {
    if slices.count == 1, case .blob(let id, _, let skip, _) = slices[0].source, let bytes = blobs[id] {
      return bytes[Int(skip)..<Int(skip) + Int(slices[0].byteCount)]
    }
    let total = slices.reduce(0) { $0 + Int($1.byteCount) }
    let bytes = [UInt8](unsafeUninitializedCapacity: total) { target, initialized in
      copy(slices, blobs, to: UnsafeMutableRawBufferPointer(target))
      initialized = total
    }
    return bytes[...]
  }

  /// Copies every slice's bytes to `target`, one after the other.
  private static func copy(
    _ slices: [ExtentMap.Extent], _ blobs: [BlobID: [UInt8]], to target: UnsafeMutableRawBufferPointer
  ) {
    var position = 0
    for slice in slices {
      let count = Int(slice.byteCount)
      let part = UnsafeMutableRawBufferPointer(rebasing: target[position..<position + count])
      switch slice.source {
      case .zeros: part.initializeMemory(as: UInt8.self, repeating: 0)
      case .buffer(let buffer, let start): buffer.copy(from: start, to: part)
      case .blob(let id, _, let skip, _):
        let bytes = blobs[id] ?? []
        precondition(Int(skip) + count <= bytes.count, "the callers compared the blob's size with the extent's")
        bytes.withUnsafeBytes {
          part.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(skip)..<Int(skip) + count]))
        }
      }
      position += count
    }
  }
}
