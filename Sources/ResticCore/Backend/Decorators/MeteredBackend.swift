/// Counts the bytes of all files that are stored and loaded. Calls are passed on unchanged.
public struct MeteredBackend: Backend {
  private let base: any Backend
  private let traffic: TrafficCounter

  /// `base`; `traffic` counts its bytes.
  public init(_ base: any Backend, traffic: TrafficCounter) {
    self.base = base
    self.traffic = traffic
  }

  /// The decorated backend's description.
  public var description: String { base.description }
  /// Whether the decorated backend is distant.
  public var isDistant: Bool { base.isDistant }

  /// Creates; nothing is counted.
  public func create() async throws(BackendError) {
    try await base.create()
  }

  /// Saves, and counts the file's bytes as sent once the save has succeeded. A failed try is not counted.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await base.save(file, bytes)
    traffic.addSent(byteCount: bytes.byteCount)
  }

  /// Loads, and counts the returned bytes as received.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    let bytes = try await base.load(file, range: range)
    traffic.addReceived(byteCount: bytes.byteCount)
    return bytes
  }

  /// Asks for the size; nothing is counted.
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await base.byteCount(of: file)
  }

  /// Lists; the bytes of listings are not counted.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await base.list(type)
  }

  /// Lists; nothing is counted.
  public func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    try await base.list(type, knowing: byteCounts)
  }

  /// Removes; nothing is counted.
  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await base.remove(file)
  }

  /// Asks for the free space; nothing is counted.
  public func capacity() async throws(BackendError) -> StorageCapacity? {
    try await base.capacity()
  }

  /// Asks for the storage's time; nothing is counted.
  public func clockOffset() async throws(BackendError) -> Duration? {
    try await base.clockOffset()
  }

  /// The decorated backend's answer.
  public func writeTime(of file: BackendFile) async throws(BackendError) -> Timestamp? {
    try await base.writeTime(of: file)
  }

  /// The decorated backend's answer.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await base.listingsAreImmediate(of: type)
  }
}
