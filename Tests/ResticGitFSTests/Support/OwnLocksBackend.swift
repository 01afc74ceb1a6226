import ResticCore

/// A storage on which a client sees no locks but its own: to a client that uses it there is no commit lock.
final class OwnLocksBackend: Backend {
  private let base: any Backend
  private let own = Locked<Set<BackendFile>>([])

  init(_ base: any Backend) {
    self.base = base
  }

  var description: String { base.description }
  var isDistant: Bool { base.isDistant }

  func create() async throws(BackendError) { try await base.create() }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    if file.type == .lock { own.withLock { _ = $0.insert(file) } }
    try await base.save(file, bytes)
  }

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await base.load(file, range: range)
  }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int { try await base.byteCount(of: file) }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    let all = try await base.list(type)
    guard type == .lock else { return all }
    return own.withLock { own in all.filter { own.contains($0.file) } }
  }

  func remove(_ file: BackendFile) async throws(BackendError) { try await base.remove(file) }

  func capacity() async throws(BackendError) -> StorageCapacity? { try await base.capacity() }
}
