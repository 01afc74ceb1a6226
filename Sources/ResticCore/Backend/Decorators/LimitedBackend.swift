/// Makes at most `connections` calls at a time; the others wait their turn, first come, first served.
///
/// - Lock files never wait: a refresh that queues behind a gigabyte of packs would lose the lock. Nor does the config, which is
///   looked at before a lock is written.
/// - A task cancelled while it waits throws `.unavailable` and its call is not made; one that need not wait is let
///   through, so that cleaning up works.
/// - A storage that has too much to do is asked for less at a time (`ConnectionAllowance`).
public struct LimitedBackend: Backend {
  private let base: any Backend
  private let allowance: ConnectionAllowance

  /// restic's default for storage in a network, where more calls at a time hide the latency; a local disk gains by it as
  /// well, because several fsyncs go into one journal commit.
  public static let defaultConnections = 5

  /// `base`, with a limit.
  public init(_ base: any Backend, connections: Int = defaultConnections) {
    self.base = base
    allowance = ConnectionAllowance(connections: connections)
  }

  public var description: String { base.description }
  public var isDistant: Bool { base.isDistant }

  public func create() async throws(BackendError) {
    try await limited(nil) { () async throws(BackendError) in try await base.create() }
  }

  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await limited(file.type) { () async throws(BackendError) in try await base.save(file, bytes) }
  }

  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await limited(file.type) { () async throws(BackendError) in try await base.load(file, range: range) }
  }

  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await limited(file.type) { () async throws(BackendError) in try await base.byteCount(of: file) }
  }

  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await limited(type) { () async throws(BackendError) in try await base.list(type) }
  }

  public func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    try await limited(type) { () async throws(BackendError) in try await base.list(type, knowing: byteCounts) }
  }

  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await limited(file.type) { () async throws(BackendError) in try await base.remove(file) }
  }

  public func capacity() async throws(BackendError) -> StorageCapacity? {
    try await limited(nil) { () async throws(BackendError) in try await base.capacity() }
  }

  public func clockOffset() async throws(BackendError) -> Duration? {
    try await limited(nil) { () async throws(BackendError) in try await base.clockOffset() }
  }

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
