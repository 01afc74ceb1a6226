/// One of restic's locks on a repository: a file that others see, replaced every five minutes while the lock is held.
///
///     let lock = try await RepositoryLock.acquire(on: repository, retryFor: .seconds(300))
///     …                                  // upload
///     try await lock.confirm()           // just before a snapshot is saved
///     …
///     try await lock.release()
///
/// Shared locks coexist; an exclusive lock tolerates no other. While `validate` does not throw, a file of this client
/// has been on the storage without a gap since `acquire`. `validate` throws
/// - once there was no refresh for `LockPolicy.lossTimeout`, by the wall clock or by the timer: nothing may be written
///   then. When the storage answers again and the file is still there, nobody can have taken an exclusive lock
///   meanwhile, and the lock is valid again, as with restic;
/// - for ever after somebody removed the file. A prune may then have taken packs that no index names: acquire a new
///   lock and call `Repository.forgetVanishedPacks`.
///
/// A lock that is dropped without `release` leaves its file behind until that is stale.
///
/// **A program that holds a lock must ignore SIGHUP**, as restic does: `restic unlock` sends it to the process that a lock
/// names to see whether it lives.
public final class RepositoryLock: Sendable {
  let lease: LockLease

  /// A lock whose file `lease` keeps fresh.
  init(_ lease: LockLease) {
    self.lease = lease
  }

  /// The content of the lock, and how it is kept.
  static func terms(exclusive: Bool, policy: LockPolicy) -> LockLease.Terms {
    LockLease.Terms(
      isExclusive: exclusive, mark: LockMark(), refreshInterval: policy.refreshInterval,
      lossTimeout: policy.lossTimeout, retention: .zero, recovers: true, name: "the lock on the repository")
  }

  /// Whether it tolerates no other lock.
  public var isExclusive: Bool { lease.terms.isExclusive }

  /// The name of this lock's current file.
  public var id: LockID { lease.id }

  /// Whether the lock protects nothing at this moment.
  public var isLost: Bool {
    do throws(RepositoryError) {
      try validate()
      return false
    } catch {
      return true
    }
  }

  /// Throws `.lockLost` unless the lock is held: nothing may be written then.
  public func validate() throws(RepositoryError) {
    try lease.validate()
  }

  /// Throws `.lockLost` unless the lock is held and one listing shows its file on the storage now: then nobody has
  /// pruned since `acquire`.
  public func confirm() async throws(RepositoryError) {
    try await lease.confirm()
  }

  /// As `confirm`, but without a request if the lock was taken or confirmed within the last `age`: for callers that
  /// confirm it again before they rely on it.
  public func confirm(unlessWithin age: Duration) async throws(RepositoryError) {
    if lease.sinceSeen < age { try lease.validate() } else { try await lease.confirm() }
  }

  /// Whether the lock is held, and was taken or confirmed within the last `age`.
  public func wasSeen(within age: Duration) -> Bool { !isLost && lease.sinceSeen < age }

  /// Removes the lock. Throws the storage's error; the file is left behind then.
  public func release() async throws(RepositoryError) {
    try await lease.release()
  }
}
