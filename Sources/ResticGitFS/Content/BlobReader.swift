import ResticCore

/// Reads file content out of extents: from memory, the blob cache, or the repository.
///
/// Two readers of one blob that isn't cached share one load. Thread-safe; `state` is a leaf lock, never held across a load.
final class BlobReader: Sendable {
  private struct State {
    var cache: BlobCache
    var loads: [BlobID: Task<[UInt8], any Error>] = [:]
  }

  private let repository: Repository
  private let state: Locked<State>

  /// A reader of `repository` that keeps at most `cacheByteLimit` bytes of plaintext.
  init(repository: Repository, cacheByteLimit: Int) {
    self.repository = repository
    state = Locked(State(cache: BlobCache(byteLimit: cacheByteLimit)))
  }

  /// The bytes of `slices`, which follow each other, if memory and cache have them all; else nil.
  func cachedBytes(of slices: [ExtentMap.Extent]) -> [UInt8]? {
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

  /// The bytes of `slices`, which follow each other.
  func bytes(of slices: [ExtentMap.Extent]) async throws -> [UInt8] {
    Self.assemble(slices, try await blobs(of: slices))
  }

  /// Puts the bytes of `slices`, which follow each other, behind those that `buffer` has.
  func append(_ slices: [ExtentMap.Extent], to buffer: PooledBytes) async throws {
    let blobs = try await blobs(of: slices)
    buffer.append(upTo: slices.reduce(0) { $0 + Int($1.byteCount) }) { target in
      Self.copy(slices, blobs, to: target)
      return target.count
    }
  }

  /// The blobs that `slices` name, each as long as they say.
  private func blobs(of slices: [ExtentMap.Extent]) async throws -> [BlobID: [UInt8]] {
    var blobs: [BlobID: [UInt8]] = [:]
    for slice in slices {
      guard case .blob(let id, let whole, _, _) = slice.source, blobs[id] == nil else { continue }
      let bytes = try await blob(id)
      guard bytes.count == Int(whole) else {
        throw RepositoryError.damaged("blob \(id.short) has \(bytes.count) bytes, the index says \(whole)")
      }
      blobs[id] = bytes
    }
    return blobs
  }

  /// The plaintext of a data blob.
  func blob(_ id: BlobID) async throws -> [UInt8] {
    enum Found {
      case bytes([UInt8])
      case load(Task<[UInt8], any Error>)
    }
    let found: Found = state.withLock { state in
      if let bytes = state.cache.bytes(of: id) { return .bytes(bytes) }
      if let load = state.loads[id] { return .load(load) }
      let load = Task { try await self.load(id) }
      state.loads[id] = load
      return .load(load)
    }
    switch found {
    case .bytes(let bytes): return bytes
    case .load(let load): return try await load.value
    }
  }

  private func load(_ id: BlobID) async throws -> [UInt8] {
    do {
      let bytes = try await repository.loadBlob(id, type: .data)
      state.withLock { state in
        state.cache.insert(bytes, as: id)
        state.loads[id] = nil
      }
      return bytes
    } catch {
      state.withLock { $0.loads[id] = nil }
      throw error
    }
  }

  private static func assemble(_ slices: [ExtentMap.Extent], _ blobs: [BlobID: [UInt8]]) -> [UInt8] {
    let total = slices.reduce(0) { $0 + Int($1.byteCount) }
    return [UInt8](unsafeUninitializedCapacity: total) { target, initialized in
      copy(slices, blobs, to: UnsafeMutableRawBufferPointer(target))
      initialized = total
    }
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
