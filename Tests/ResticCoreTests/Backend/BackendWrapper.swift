import ResticCore

/// A backend that passes every call on, for tests that replace one of them.
protocol BackendWrapper: Backend {
  var base: any Backend { get }
}

extension BackendWrapper {
  var description: String { base.description }
  var isDistant: Bool { base.isDistant }

  func create() async throws(BackendError) { try await base.create() }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) { try await base.save(file, bytes) }

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await base.load(file, range: range)
  }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int { try await base.byteCount(of: file) }

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] { try await base.list(type) }

  func remove(_ file: BackendFile) async throws(BackendError) { try await base.remove(file) }

  func capacity() async throws(BackendError) -> StorageCapacity? { try await base.capacity() }

  func listingsAreImmediate(of type: BackendFileType) async -> Bool { await base.listingsAreImmediate(of: type) }
}
