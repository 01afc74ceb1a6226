public import Logging

/// Makes a call again while it fails with a retryable error, as `RetryPolicy` says; the only place that does.
///
/// - Every retry is announced by one warning. When the time is up, the last error is thrown.
/// - A `save` may be repeated safely: a file that is there already with the same bytes is a success.
/// - A repeated `remove` that finds nothing is a success: it was the answer that got lost.
/// - A call that fails, or that takes long, leaves a note (`WaitingNotes`) until it ends.
/// - A storage that says when to come back (`.busy`) is not asked before that.
/// - Until a call has reached the storage nobody waits for it for long (`RetryPolicy.contactLimit`).
/// - A cancelled task gets its first try (cleaning up has to work), and no other: the error is thrown at once.
public struct RetryingBackend: Backend {
  private let base: any Backend
  private let policy: RetryPolicy
  private let clock: any Clock<Duration>
  private let waiting: WaitingNotes
  private let logger: Logger
  private let contact = Contact()

  /// A call that takes longer counts as unanswered.
  private static let patience = Duration.seconds(2)
  /// The same for a call that carries a pack: a slow network needs that long.
  private static let packPatience = Duration.seconds(20)

  /// Retries for `base`. `clock` measures and sleeps. Calls that wait are in `waiting`.
  public init(
    _ base: any Backend, policy: RetryPolicy = RetryPolicy(), clock: any Clock<Duration> = ContinuousClock(),
    waiting: WaitingNotes = WaitingNotes(), logger: Logger
  ) {
    self.base = base
    self.policy = policy
    self.clock = clock
    self.waiting = waiting
    self.logger = logger
  }

  public var description: String { base.description }
  public var isDistant: Bool { base.isDistant }

  public func create() async throws(BackendError) {
    try await retrying("create \(base.description)") { _ async throws(BackendError) in try await base.create() }
  }

  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await retrying("save \(file)", patience: patience(for: file)) { _ async throws(BackendError) in
      try await base.save(file, bytes)
    }
  }

  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await retrying("load \(file)", patience: patience(for: file)) { _ async throws(BackendError) in
      try await base.load(file, range: range)
    }
  }

  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await retrying("stat \(file)") { _ async throws(BackendError) in try await base.byteCount(of: file) }
  }

  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await retrying("list \(type.rawValue)") { _ async throws(BackendError) in try await base.list(type) }
  }

  public func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    try await retrying("list \(type.rawValue)") { _ async throws(BackendError) in
      try await base.list(type, knowing: byteCounts)
    }
  }

  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await retrying("remove \(file)") { isRetry async throws(BackendError) in
      do throws(BackendError) {
        try await base.remove(file)
      } catch .notFound where isRetry {
        return
      }
    }
  }

  public func capacity() async throws(BackendError) -> StorageCapacity? {
    try await retrying("statvfs \(base.description)") { _ async throws(BackendError) in try await base.capacity() }
  }

  public func clockOffset() async throws(BackendError) -> Duration? {
    try await retrying("ask \(base.description) for its time") { _ async throws(BackendError) in
      try await base.clockOffset()
    }
  }

  public func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await base.listingsAreImmediate(of: type)
  }

  private func patience(for file: BackendFile) -> Duration {
    file.type == .data ? Self.packPatience : Self.patience
  }

  /// What `call` returns in the end. It is told whether it was called before.
  private func retrying<Success>(
    _ operation: @autoclosure @escaping @Sendable () -> String, patience: Duration = RetryingBackend.patience,
    _ call: (_ isRetry: Bool) async throws(BackendError) -> Success
  ) async throws(BackendError) -> Success {
    let place = base
    let unanswered = waiting.begin(after: patience) { "\(operation()) at \(place.description) is not answered" }
    defer { unanswered.end() }
    var error: BackendError
    do throws(BackendError) {
      return try await contact.noted(call, isRetry: false)
    } catch let first {
      error = first
    }
    unanswered.end()
    guard error.isRetryable else { throw error }
    let failing = waiting.begin { [error] in Self.failure(of: operation(), at: place, error) }
    defer { failing.end() }
    var wait = Wait(policy: policy)
    let stopwatch = stopwatch(of: clock)
    while error.isRetryable, !Task.isCancelled,
      let delay = wait.next(elapsed: stopwatch(), after: error, wasReached: contact.wasMade)
    {
      logger.warning("\(operation()) failed: \(error); trying again in \(delay.formatted)")
      do {
        try await clock.sleep(for: delay)
      } catch {
        break  // Cancelled while asleep.
      }
      do throws(BackendError) {
        return try await contact.noted(call, isRetry: true)
      } catch let next {
        error = next
      }
      failing.update { [error] in Self.failure(of: operation(), at: place, error) }
    }
    throw error
  }

  private static func failure(of operation: String, at place: any Backend, _ error: BackendError) -> String {
    "\(operation) at \(place.description) fails and is tried again: \(error)"
  }

  /// How long it is since this was called, by `clock`.
  private func stopwatch<C: Clock>(of clock: C) -> () -> Duration where C.Duration == Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
  }
}

/// The delays of one call, one after the other.
private struct Wait {
  let policy: RetryPolicy
  var delay: Duration?

  /// The next delay, after a call that ended with `error`; nil when it would end after the time limit.
  mutating func next(elapsed: Duration, after error: BackendError, wasReached: Bool) -> Duration? {
    let isFirst = delay == nil
    let next = delay.map(policy.delay(after:)) ?? policy.firstDelay
    delay = next
    let varied = policy.varied(next)
    switch error {
    case .busy(_, let pause) where pause > .zero:
      let longer = max(varied, pause)
      return elapsed + longer <= policy.timeLimit ? longer : nil
    case .unreachable where !wasReached:
      return elapsed + varied <= policy.contactLimit ? varied : nil
    default:
      return isFirst || elapsed + varied <= policy.timeLimit ? varied : nil
    }
  }
}

/// Whether the storage was ever reached. A leaf lock.
private final class Contact: Sendable {
  private let state = Locked(false)

  var wasMade: Bool { state.withLock { $0 } }

  /// What `call` returns.
  func noted<Success>(
    _ call: (_ isRetry: Bool) async throws(BackendError) -> Success, isRetry: Bool
  ) async throws(BackendError) -> Success {
    do throws(BackendError) {
      let success = try await call(isRetry)
      state.withLock { $0 = true }
      return success
    } catch {
      if case .unreachable = error {} else { state.withLock { $0 = true } }
      throw error
    }
  }
}

extension Duration {
  /// `1.5 s`.
  fileprivate var formatted: String {
    let tenths = (self / .milliseconds(100)).rounded()
    return "\(tenths / 10) s"
  }
}
