/// Makes at most `connections` calls at a time; other calls wait their turn, first come, first served.
///
/// - Lock files never wait: a refresh that queues behind a gigabyte of packs would lose the lock. Neither does the
///   config, which is read before a lock is written.
/// - A task that is cancelled while it waits throws `.unavailable` without making its call; a call that need not wait
///   is made, so that cleaning up works.
/// - An overloaded storage gets fewer calls at a time (`ConnectionAllowance`).
public struct LimitedBackend: Backend {
  private let base: any Backend
  private let allowance: ConnectionAllowance

  /// restic's default for storage in a network, where more calls at a time hide the latency. A local disk benefits too,
  /// because several fsyncs share one journal commit.
  public static let defaultConnections = 5

  /// `base` with a limit of `connections` calls.
  public init(_ base: any Backend, connections: Int = defaultConnections) {
    self.base = base
    allowance = ConnectionAllowance(connections: connections)
  }

  /// The decorated backend's description.
  public var description: String { base.description }
  /// Whether the decorated backend is distant.
  public var isDistant: Bool { base.isDistant }

  /// Waits for a connection, then creates. Throws `.unavailable` if the task is cancelled while it waits.
  public func create() async throws(BackendError) {
    try await limited(nil) { () async throws(BackendError) in try await base.create() }
  }

  /// Waits for a connection unless `file` is a lock or the config, then saves.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await limited(file.type) { () async throws(BackendError) in try await base.save(file, bytes) }
  }

  /// Waits for a connection unless `file` is a lock or the config, then loads. The connection is held until the last
  /// byte is in memory.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await limited(file.type) { () async throws(BackendError) in try await base.load(file, range: range) }
  }

  /// Waits for a connection unless `file` is a lock or the config, then asks for the size.
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await limited(file.type) { () async throws(BackendError) in try await base.byteCount(of: file) }
  }

  /// Waits for a connection unless locks are listed, then lists.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await limited(type) { () async throws(BackendError) in try await base.list(type) }
  }

  /// Waits for a connection, then lists.
  public func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    try await limited(type) { () async throws(BackendError) in try await base.list(type, knowing: byteCounts) }
  }

  /// Waits for a connection unless `file` is a lock, then removes.
  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await limited(file.type) { () async throws(BackendError) in try await base.remove(file) }
  }

  /// Waits for a connection, then asks for the free space.
  public func capacity() async throws(BackendError) -> StorageCapacity? {
    try await limited(nil) { () async throws(BackendError) in try await base.capacity() }
  }

  /// Waits for a connection, then asks for the storage's time. The wait is not part of the measured round trip.
  public func clockOffset() async throws(BackendError) -> Duration? {
    try await limited(nil) { () async throws(BackendError) in try await base.clockOffset() }
  }

  /// The decorated backend's answer.
  public func writeTime(of file: BackendFile) async throws(BackendError) -> Timestamp? {
    try await limited(file.type) { () async throws(BackendError) in try await base.writeTime(of: file) }
  }

  /// The decorated backend's answer, without waiting for a connection.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await base.listingsAreImmediate(of: type)
  }

  private func limited<Success>(
    _ type: BackendFileType?, _ call: () async throws(BackendError) -> Success
  ) async throws(BackendError) -> Success {
    if type == .lock || type == .config { return try await call() }
    return try await allowance.pass(call)
  }
}
