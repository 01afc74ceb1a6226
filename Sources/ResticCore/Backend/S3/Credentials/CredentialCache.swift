/// Credentials for as long as they are good: fetched at the first use, and anew when four fifths of their time are over.
///
/// - While they are good for half a minute more, nobody waits for new ones: a service that is stuck must not hold back a
///   lock's refresh. One task fetches, beside the requests.
/// - Otherwise one task fetches at a time, and the others wait for it. If that fails, what is good still is used to its end.
final class CredentialCache: Sendable {
  /// A leaf lock.
  private struct State {
    var current: S3Credentials?
    /// When new ones are to be fetched, in seconds since 1970; nil: never.
    var renewal: Int64?
    /// Whether a task fetches beside the requests.
    var isRenewing = false
  }

  /// Where no new ones could be had, or our clock holds new ones for old, the next try comes so many seconds later.
  private static let pause: Int64 = 60
  /// Credentials that end sooner than in so many seconds are waited for.
  private static let margin: Int64 = 30

  private let provider: any CredentialProvider
  private let missing: CredentialError
  private let now: @Sendable () -> Int64
  private let state = Locked(State())
  private let gate = ConnectionGate(connections: 1)

  /// Credentials from `provider`; `missing` is thrown where it has none. `now`: seconds since 1970.
  init(
    _ provider: any CredentialProvider, missing: CredentialError,
    now: @escaping @Sendable () -> Int64 = { Timestamp.now().seconds }
  ) {
    self.provider = provider
    self.missing = missing
    self.now = now
  }

  /// Credentials that are good now.
  func current() async throws(CredentialError) -> S3Credentials {
    if let known = fresh ?? goodForAWhile() { return known }
    return try await alone { () async throws(CredentialError) in
      if let fresh { return fresh }
      do throws(CredentialError) {
        return try await fetch()
      } catch {
        guard let old = state.withLock({ $0.current }), old.expiration.map({ $0 > now() }) ?? false else { throw error }
        putOff()
        return old
      }
    }
  }

  /// Whether there are others than `used` now, which a server holds for expired. Throws where that cannot be known yet.
  func renew(after used: S3Credentials) async throws(CredentialError) -> Bool {
    try await alone { () async throws(CredentialError) in
      if let current = state.withLock({ $0.current }), current != used { return true }
      do throws(CredentialError) {
        return try await fetch() != used
      } catch {
        // An error that stays says less than the server's word.
        if error.isPassing { throw error }
        return false
      }
    }
  }

  /// What `body` returns, during which nobody else fetches. A task that is cancelled does not wait any more, unless it was before:
  /// then it is there to clean up.
  private func alone<Success>(
    _ body: () async throws(CredentialError) -> Success
  ) async throws(CredentialError) -> Success {
    guard await gate.enter(isCancellable: !Task.isCancelled) else {
      throw CredentialError("cancelled while waiting for credentials", isPassing: true)
    }
    defer { gate.leave() }
    return try await body()
  }

  private var fresh: S3Credentials? {
    let now = now()
    return state.withLock { state in state.renewal.map { $0 > now } ?? true ? state.current : nil }
  }

  /// Those that are to be renewed and are good still; the first who asks for them has a task fetch new ones.
  private func goodForAWhile() -> S3Credentials? {
    let limit = now() + Self.margin
    let (known, isFirst): (S3Credentials?, Bool) = state.withLock { state in
      guard let current = state.current, let end = current.expiration, end > limit else { return (nil, false) }
      let isFirst = !state.isRenewing
      state.isRenewing = true
      return (current, isFirst)
    }
    if isFirst { Task { await fetchBesideRequests() } }
    return known
  }

  private func fetchBesideRequests() async {
    do throws(CredentialError) {
      _ = try await alone { () async throws(CredentialError) in try await fetch() }
    } catch {
      putOff()
    }
    state.withLock { $0.isRenewing = false }
  }

  private func fetch() async throws(CredentialError) -> S3Credentials {
    guard let new = try await provider.credentials() else {
      // What was there will be back: a machine's service may be silent for a while.
      throw state.withLock { $0.current } == nil ? missing : CredentialError(missing.description, isPassing: true)
    }
    let now = now()
    state.withLock { state in
      state.current = new
      // What our clock holds for old may be new by the server's.
      state.renewal = new.expiration.map { now + max(Self.pause, max(0, $0 - now) / 5 * 4) }
    }
    return new
  }

  private func putOff() {
    let later = now() + Self.pause
    state.withLock { $0.renewal = later }
  }
}
