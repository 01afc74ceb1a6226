import ResticCore
import ResticTestSupport

/// A storage that does not list some of its files yet.
struct LaggingBackend: Backend {
  let base: MemoryBackend
  let isHidden: @Sendable (BackendFile) -> Bool

  var description: String { base.description }
  var isDistant: Bool { base.isDistant }

  func create() async throws(BackendError) { try await base.create() }
  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) { try await base.save(file, bytes) }
  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await base.load(file, range: range)
  }
  func byteCount(of file: BackendFile) async throws(BackendError) -> Int { try await base.byteCount(of: file) }
  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await base.list(type).filter { !isHidden($0.file) }
  }
  func remove(_ file: BackendFile) async throws(BackendError) { try await base.remove(file) }
  func capacity() async throws(BackendError) -> StorageCapacity? { nil }
}
