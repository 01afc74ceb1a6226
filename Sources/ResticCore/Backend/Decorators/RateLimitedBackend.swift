/// Limits the bytes moved per second by all calls together: for storages whose own transport has no rate limit.
///
/// - A file waits as a whole, and then moves at full speed; the rate holds over several files.
/// - Locks and small files (`TransferRates.smallByteCount`) do not wait, but count.
/// - A task that is cancelled while it waits throws `.unavailable` without making its call; a call that need not wait
///   is made.
public struct RateLimitedBackend: Backend {
  private let base: any Backend
  private let upload: RateGate?
  private let download: RateGate?

  /// `base` with limits in bytes a second; nil: no limit. `clock` measures and sleeps.
  public init(
    _ base: any Backend, uploadLimit: Int?, downloadLimit: Int?, clock: any Clock<Duration> = ContinuousClock()
  ) {
    self.base = base
    upload = uploadLimit.map { RateGate(bytesPerSecond: $0, clock: clock) }
    download = downloadLimit.map { RateGate(bytesPerSecond: $0, clock: clock) }
  }

  /// The decorated backend's description.
  public var description: String { base.description }

  /// Whether the decorated backend is distant.
  public var isDistant: Bool { base.isDistant }

  /// Creates at once: folders have no content to limit.
  public func create() async throws(BackendError) { try await base.create() }

  /// Waits until the upload rate allows the whole file, then saves it at full speed.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await Self.pass(upload, file, bytes.byteCount)
    try await base.save(file, bytes)
  }

  /// Waits until the download rate allows the range, then loads it at full speed. A whole file does not wait, because
  /// its size is not known before; the files after it wait for it.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    // The size of a whole file is known only after loading: later calls then wait for it.
    try await Self.pass(download, file, range?.count ?? 0)
    let bytes = try await base.load(file, range: range)
    if range == nil { download?.count(bytes.byteCount) }
    return bytes
  }

  /// Asks at once; answers without content do not count.
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await base.byteCount(of: file)
  }

  /// Lists at once; listings do not count.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await base.list(type)
  }

  /// Lists at once.
  public func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    try await base.list(type, knowing: byteCounts)
  }

  /// Removes at once.
  public func remove(_ file: BackendFile) async throws(BackendError) { try await base.remove(file) }

  /// Asks at once.
  public func capacity() async throws(BackendError) -> StorageCapacity? { try await base.capacity() }

  /// Asks at once, so that the measured round trip holds no waiting.
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

  private static func pass(_ gate: RateGate?, _ file: BackendFile, _ byteCount: Int) async throws(BackendError) {
    guard let gate else { return }
    let isSmall = byteCount <= TransferRates.smallByteCount
    let isKnown = byteCount > 0
    if file.type == .lock || isKnown && isSmall { return gate.count(byteCount) }
    guard await gate.pass(byteCount) else { throw .unavailable("cancelled while waiting for the rate") }
  }
}
