public import Logging

/// Repeats a call while it fails with a retryable error, as `RetryPolicy` says; no other code retries.
///
/// - A retry is announced by one warning. Of calls that fail side by side for the same reason, one is announced at a
///   time (`Announcements`). When the time is up, the last error is thrown.
/// - A `save` may be repeated safely: if the file already exists with the same bytes, it succeeds.
/// - A repeated `remove` that finds nothing succeeds, because only the answer was lost.
/// - A call that fails, or that takes long, leaves a note (`WaitingNotes`) until it ends.
/// - A storage that says when to come back (`.busy`) gets no call before that.
/// - Until one call has reached the storage, calls give up early (`RetryPolicy.contactLimit`).
/// - A cancelled task gets its first try (cleaning up has to work), and no retry: the error is thrown at once.
public struct RetryingBackend: Backend {
  private let base: any Backend
  private let policy: RetryPolicy
  private let clock: any Clock<Duration>
  private let waiting: WaitingNotes
  private let logger: Logger
  private let contact = Contact()
  private let announcements = Announcements()

  /// A call that takes longer counts as unanswered.
  private static let patience = Duration.seconds(2)
  /// The same for a call that carries a pack: a slow network needs that long.
  private static let packPatience = Duration.seconds(20)

  /// Retries calls of `base`. `clock` measures and sleeps. Waiting calls leave notes in `waiting`.
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

  /// The decorated backend's description.
  public var description: String { base.description }
  /// Whether the decorated backend is distant.
  public var isDistant: Bool { base.isDistant }

  /// Creates, with retries; folders that a lost answer had made already are no error.
  public func create() async throws(BackendError) {
    try await retrying("create \(base.description)") { _ async throws(BackendError) in try await base.create() }
  }

  /// Saves, with retries. A file that a lost answer had stored already counts as saved, because its bytes are the same.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await retrying("save \(file)", patience: patience(for: file)) { _ async throws(BackendError) in
      try await base.save(file, bytes)
    }
  }

  /// Loads, with retries. Each try starts at the beginning of the range.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await retrying("load \(file)", patience: patience(for: file)) { _ async throws(BackendError) in
      try await base.load(file, range: range)
    }
  }

  /// Asks for the size, with retries.
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await retrying("stat \(file)") { _ async throws(BackendError) in try await base.byteCount(of: file) }
  }

  /// Lists, with retries. Each try lists from the beginning.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await retrying("list \(type.rawValue)") { _ async throws(BackendError) in try await base.list(type) }
  }

  /// Lists, with retries.
  public func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    try await retrying("list \(type.rawValue)") { _ async throws(BackendError) in
      try await base.list(type, knowing: byteCounts)
    }
  }

  /// Removes, with retries. `.notFound` counts as success from the second try on, and is thrown on the first.
  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await retrying("remove \(file)") { isRetry async throws(BackendError) in
      do throws(BackendError) {
        try await base.remove(file)
      } catch .notFound where isRetry {
        return
      }
    }
  }

  /// Asks for the free space, with retries.
  public func capacity() async throws(BackendError) -> StorageCapacity? {
    try await retrying("statvfs \(base.description)") { _ async throws(BackendError) in try await base.capacity() }
  }

  /// Asks for the storage's time, with retries. Only the last try is part of the measured round trip.
  public func clockOffset() async throws(BackendError) -> Duration? {
    try await retrying("ask \(base.description) for its time") { _ async throws(BackendError) in
      try await base.clockOffset()
    }
  }

  /// The decorated backend's answer.
  public func writeTime(of file: BackendFile) async throws(BackendError) -> Timestamp? {
    try await retrying("look at \(file)") { _ async throws(BackendError) in try await base.writeTime(of: file) }
  }

  /// The decorated backend's answer, which cannot fail.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await base.listingsAreImmediate(of: type)
  }

  private func patience(for file: BackendFile) -> Duration {
    file.type == .data ? Self.packPatience : Self.patience
  }

  /// The final result of `call`, which is told whether it is a retry.
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
    let failing = waiting.begin(isLogged: true) { [error] in Self.failure(of: operation(), at: place, error) }
    defer { failing.end() }
    var wait = Wait(policy: policy)
    let stopwatch = stopwatch(of: clock)
    let number = announcements.begin()
    defer { announcements.end(number) }
    while error.isRetryable, !Task.isCancelled,
      let delay = wait.next(elapsed: stopwatch(), after: error, wasReached: contact.wasMade)
    {
      logger.log(
        level: announcements.isDue(error, by: number) ? .warning : .debug,
        "\(operation()) failed: \(error); trying again in \(delay.formatted)")
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
    "\(operation) at \(place.description) failed and is being retried: \(error)"
  }

  /// A function that returns the time since this call, by `clock`.
  private func stopwatch<C: Clock>(of clock: C) -> () -> Duration where C.Duration == Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
  }
}

/// Which of the calls that are being retried announces the retries: for each reason, the call that failed first. The
/// others fail for the same reason, and a line for each would hide what matters. A leaf lock.
private final class Announcements: Sendable {
  private struct State {
    var nextNumber = 0
    /// The call that announces, by reason.
    var speakers: [String: Int] = [:]
  }

  private let state = Locked(State())

  /// The number of a call that is going to be retried.
  func begin() -> Int {
    state.withLock { state in
      defer { state.nextNumber += 1 }
      return state.nextNumber
    }
  }

  /// Whether the call `number` announces a retry after `error`.
  func isDue(_ error: BackendError, by number: Int) -> Bool {
    // Of one reason are errors that differ only in a time or in the number of a connection.
    let reason = error.description.filter { !$0.isNumber }
    return state.withLock { state in
      let speaker = state.speakers[reason] ?? number
      state.speakers[reason] = speaker
      return speaker == number
    }
  }

  /// The call `number` is over. Another call announces from now on.
  func end(_ number: Int) {
    state.withLock { state in state.speakers = state.speakers.filter { $0.value != number } }
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
