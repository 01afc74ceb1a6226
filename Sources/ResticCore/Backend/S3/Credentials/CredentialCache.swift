/// Caches credentials while they are valid: loads them at the first use, and again after four fifths of their lifetime.
///
/// - While the credentials are valid for at least another half minute, no request waits for new ones: a stuck service
///   must not delay a lock's refresh. One task loads them in the background.
/// - Otherwise one task at a time loads them, and the others wait for it. If that fails, valid credentials are used
///   until they expire.
final class CredentialCache: Sendable {
  /// A leaf lock.
  private struct State {
    var current: S3Credentials?
    /// When to load new credentials, in seconds since 1970; nil: never.
    var renewal: Int64?
    /// Whether a task is loading credentials in the background.
    var isRenewing = false
  }

  /// If no new credentials could be loaded, or they look expired by this machine's clock, the next try comes this many
  /// seconds later.
  private static let pause: Int64 = 60
  /// If credentials expire sooner than in this many seconds, requests wait for new ones.
  private static let margin: Int64 = 30

  private let provider: any CredentialProvider
  private let missing: CredentialError
  private let now: @Sendable () -> Int64
  private let state = Locked(State())
  private let gate = ConnectionGate(connections: 1)

  /// Credentials from `provider`; `missing` is thrown if it has none. `now`: seconds since 1970.
  init(
    _ provider: any CredentialProvider, missing: CredentialError,
    now: @escaping @Sendable () -> Int64 = { Timestamp.now().seconds }
  ) {
    self.provider = provider
    self.missing = missing
    self.now = now
  }

  /// Credentials that are valid now.
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

  /// Whether there are newer credentials than `used`, which a server considers expired. Throws if this cannot be known
  /// yet.
  func renew(after used: S3Credentials) async throws(CredentialError) -> Bool {
    try await alone { () async throws(CredentialError) in
      if let current = state.withLock({ $0.current }), current != used { return true }
      do throws(CredentialError) {
        return try await fetch() != used
      } catch {
        // A permanent error says less than the server's answer.
        if error.isPassing { throw error }
        return false
      }
    }
  }

  /// The result of `body`, during which no other task loads. A cancelled task stops waiting, unless it was cancelled
  /// before: then it is cleaning up.
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

  /// Credentials that are due for renewal but still valid; the first caller starts a task that loads new ones.
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
      // The service had credentials before, so it will probably answer again: a machine's service may be silent for a
      // while.
      throw state.withLock { $0.current } == nil ? missing : CredentialError(missing.description, isPassing: true)
    }
    let now = now()
    state.withLock { state in
      state.current = new
      // Credentials that look expired by this machine's clock may be valid by the server's.
      state.renewal = new.expiration.map { now + max(Self.pause, max(0, $0 - now) / 5 * 4) }
    }
    return new
  }

  private func putOff() {
    let later = now() + Self.pause
    state.withLock { $0.renewal = later }
  }
}
