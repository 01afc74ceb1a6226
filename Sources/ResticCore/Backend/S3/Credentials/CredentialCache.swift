/// Credentials for as long as they are good: fetched at the first use, and anew when four fifths of their time are over.
///
/// One task at a time fetches; the others wait for it. Credentials that are good still are used where no new ones can be had.
final class CredentialCache: Sendable {
  private struct State {
    var current: S3Credentials?
    /// When new ones are to be fetched, in seconds since 1970; nil: never.
    var renewal: Int64?
  }

  /// Where no new ones could be had, the next try comes so many seconds later.
  private static let pause: Int64 = 60

  private let provider: any CredentialProvider
  private let missing: CredentialError
  private let now: @Sendable () -> Int64
  private let state = Locked(State())
  private let gate = AsyncGate()

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
    if let fresh { return fresh }
    return try await gate.pass { () async throws(CredentialError) in
      if let fresh { return fresh }
      do throws(CredentialError) {
        return try await fetch()
      } catch {
        guard let old = state.withLock({ $0.current }), old.expiration.map({ $0 > now() }) ?? false else { throw error }
        state.withLock { $0.renewal = now() + Self.pause }
        return old
      }
    }
  }

  /// Whether there are others than `used` now, which a server holds for expired.
  func renew(after used: S3Credentials) async -> Bool {
    await gate.pass {
      if let current = state.withLock({ $0.current }), current != used { return true }
      // The server's word counts, whatever the error is here.
      guard let new = try? await fetch() else { return false }
      return new != used
    }
  }

  private var fresh: S3Credentials? {
    let now = now()
    return state.withLock { state in state.renewal.map { $0 > now } ?? true ? state.current : nil }
  }

  private func fetch() async throws(CredentialError) -> S3Credentials {
    guard let new = try await provider.credentials() else { throw missing }
    let now = now()
    state.withLock { state in
      state.current = new
      state.renewal = new.expiration.map { now + max(0, $0 - now) / 5 * 4 }
    }
    return new
  }
}
