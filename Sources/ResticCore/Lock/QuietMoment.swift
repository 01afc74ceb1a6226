/// A moment in which nobody takes away what is stored, although we hold no lock (yet).
///
///     let moment = try await QuietMoment.look(at: repository)   // nil: somebody has an exclusive lock
///     …                                                         // read
///     if moment.isOver { … }                                    // then it was not enough: take a lock, and read again
///
/// Whoever wants an exclusive lock writes its file, and waits 200 ms before it looks again and changes anything. So where a
/// listing holds no such file, nothing that is stored goes within 200 ms of the listing's beginning. That is long enough to
/// open a repository of ordinary size, and spares those who only read one the same wait.
public struct QuietMoment: Sendable {
  private let elapsed: @Sendable () -> Duration
  private let length: Duration

  /// Looks for exclusive locks; nil if there is one. Removes locks of ours whose process has ended, as whoever takes a lock
  /// does. Throws `.damaged` where a lock cannot be read.
  public static func look(
    at repository: Repository, policy: LockPolicy = LockPolicy(), clock: LockClock = .system
  ) async throws(RepositoryError) -> QuietMoment? {
    let elapsed = clock.stopwatch()
    var survey = LockSurvey(repository: repository, policy: policy, clock: clock)
    guard try await survey.conflict(exclusive: false) == nil else { return nil }
    // A quarter less, for whoever waits by a clock that is faster than ours.
    return QuietMoment(elapsed: elapsed, length: policy.checkDelay * 3 / 4)
  }

  /// Whether what was read up to now may have been changed by somebody.
  public var isOver: Bool { elapsed() >= length }
}
