/// Moves so many bytes a second at most, all calls together: for storages whose own way to move bytes has no rate.
///
/// - A file waits as a whole, and then moves as fast as it can; what is saved or loaded is the rate over a few files.
/// - Locks and what is small (`TransferRates.smallByteCount`) do not wait; they count all the same.
/// - A task cancelled while it waits throws `.unavailable` and its call is not made; one that need not wait is let through.
public struct RateLimitedBackend: Backend {
  private let base: any Backend
  private let upload: RateGate?
  private let download: RateGate?

  /// `base` with limits in bytes a second; nil: as many as there can be. `clock` measures and sleeps.
  public init(
    _ base: any Backend, uploadLimit: Int?, downloadLimit: Int?, clock: any Clock<Duration> = ContinuousClock()
  ) {
    self.base = base
    upload = uploadLimit.map { RateGate(bytesPerSecond: $0, clock: clock) }
    download = downloadLimit.map { RateGate(bytesPerSecond: $0, clock: clock) }
  }

  public var description: String { base.description }

  public var isDistant: Bool { base.isDistant }

  public func create() async throws(BackendError) { try await base.create() }

  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await Self.pass(upload, file, bytes.byteCount)
    try await base.save(file, bytes)
  }

  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    // How large a whole file is is known when it is here: others wait for it then.
    try await Self.pass(download, file, range?.count ?? 0)
    let bytes = try await base.load(file, range: range)
    if range == nil { download?.count(bytes.byteCount) }
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

  public func remove(_ file: BackendFile) async throws(BackendError) { try await base.remove(file) }

  public func capacity() async throws(BackendError) -> StorageCapacity? { try await base.capacity() }

  public func clockOffset() async throws(BackendError) -> Duration? {
    try await base.clockOffset()
  }

  public func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await base.listingsAreImmediate(of: type)
  }

  private static func pass(_ gate: RateGate?, _ file: BackendFile, _ byteCount: Int) async throws(BackendError) {
    guard let gate else { return }
    let isSmall = byteCount <= TransferRates.smallByteCount
    let isKnown = byteCount > 0
    if file.type == .lock || isKnown && isSmall { return gate.count(byteCount) }
    guard await gate.pass(byteCount) else { throw .unavailable("cancelled while waiting for the rate") }
  }
}
