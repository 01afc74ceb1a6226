/// Counts the bytes of all files that are stored and loaded. What the calls do is the storage's alone.
public struct MeteredBackend: Backend {
  private let base: any Backend
  private let traffic: TrafficCounter

  /// `base`, counted in `traffic`.
  public init(_ base: any Backend, traffic: TrafficCounter) {
    self.base = base
    self.traffic = traffic
  }

  public var description: String { base.description }
  public var isDistant: Bool { base.isDistant }

  public func create() async throws(BackendError) {
    try await base.create()
  }

  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await base.save(file, bytes)
    traffic.addSent(byteCount: bytes.byteCount)
  }

  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    let bytes = try await base.load(file, range: range)
    traffic.addReceived(byteCount: bytes.byteCount)
    return bytes
  }

  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await base.byteCount(of: file)
  }

  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await base.list(type)
  }

  public func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    try await base.list(type, knowing: byteCounts)
  }

  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await base.remove(file)
  }

  public func capacity() async throws(BackendError) -> StorageCapacity? {
    try await base.capacity()
  }

  public func clockOffset() async throws(BackendError) -> Duration? {
    try await base.clockOffset()
  }

  public func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await base.listingsAreImmediate(of: type)
  }
}
