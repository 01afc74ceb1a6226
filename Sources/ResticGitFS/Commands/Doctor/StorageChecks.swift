import ResticCore

/// The doctor's verdicts about a repository. Pure: each function takes what was found.
enum StorageChecks {
  /// Clocks that differ by less do no harm.
  private static let clockTolerance = Duration.seconds(10)
  /// Beyond this, S3 servers reject signatures, and a snapshot's time would mislead.
  private static let clockLimit = Duration.seconds(900)

  /// The verdict about a check that did not end in time.
  static func unanswered(_ name: String, after limit: Duration) -> DoctorCheck {
    .fail(
      name, "no answer in \(limit.components.seconds) s",
      advice: "look at the network and the storage; `-vv` shows what is asked for")
  }

  /// The verdict about a storage that was asked for the config of a repository at `location`.
  static func storage(_ location: String, _ error: BackendError?) -> DoctorCheck {
    let name = "storage"
    switch error {
    case nil: return .ok(name, "\(location) is reached and holds a repository")
    case .notFound, .missing:
      return .fail(
        name, "there is no repository at \(location)", advice: "make one with `restic-gitfs init`, or mend -r")
    case .denied(let reason):
      return .fail(name, reason, advice: "look at the user, the password and the rights that the storage knows")
    case .unreachable(let reason):
      return .fail(name, reason, advice: "look at the network and at the location's spelling")
    case let error?:
      return .fail(name, "\(error)", advice: "look at the storage")
    }
  }

  /// The verdict about a storage whose clock is `offset` ahead of this machine's; nil if the storage does not tell its
  /// time.
  static func clock(_ offset: Duration?) -> DoctorCheck {
    let name = "clock"
    guard let offset else { return .ok(name, "the storage does not tell its time") }
    let distance = offset < .zero ? .zero - offset : offset
    guard distance > clockTolerance else { return .ok(name, "agrees with the storage's") }
    let message =
      "the storage's clock is \(distance.components.seconds) s \(offset < .zero ? "behind" : "ahead of") this machine's"
    let advice = "set the one that is wrong (`timedatectl set-ntp true` here)"
    return distance > clockLimit
      ? .fail(name, message, advice: advice) : .warning(name, message, advice: advice)
  }

  /// The verdict about a password that opened the repository, or failed to.
  static func password(_ error: RepositoryError?) -> DoctorCheck {
    let name = "password"
    switch error {
    case nil: return .ok(name, "opens the repository")
    case .wrongPassword?:
      return .fail(
        name, "is wrong", advice: "look where it comes from: --password-command, --password-file, RESTIC_PASSWORD")
    case let error?: return .fail("repository", "\(error)", advice: "`restic check` says more")
    }
  }

  /// The verdict about a listing of `count` snapshots that took `duration`.
  static func listing(_ count: Int, in duration: Duration) -> DoctorCheck {
    let milliseconds = Int(duration / .milliseconds(1))
    return .ok("snapshots", "\(count) \(count == 1 ? "snapshot is" : "snapshots are") listed in \(milliseconds) ms")
  }

  /// The verdict about the locks in the repository.
  static func locks(_ locks: [RepositoryProbe.Lock]) -> DoctorCheck {
    let name = "locks"
    if let dead = locks.first(where: \.isDead) {
      return .warning(
        name, "\(Self.name(dead)) is left from a process that has ended", advice: "`restic-gitfs unlock` removes it")
    }
    if let stale = locks.first(where: \.isStale) {
      return .warning(
        name, "\(Self.name(stale)) is stale: nobody has refreshed it since \(stale.file.time.rfc3339)",
        advice: "`restic unlock` removes it")
    }
    if let exclusive = locks.first(where: \.file.exclusive) {
      return .warning(
        name, "\(Self.name(exclusive)) is exclusive: mounts and pushes wait for it",
        advice: "wait for that process, or end it")
    }
    return .ok(name, locks.isEmpty ? "there are none" : "\(locks.count), all in use")
  }

  /// The verdict about writing a lock and removing it.
  static func writing(_ result: Result<RepositoryProbe.Write, RepositoryError>) -> DoctorCheck {
    let name = "writing"
    switch result {
    case .failure(let error):
      return .fail(
        name, "no lock can be written and removed: \(error)",
        advice: "mount with --read-only --no-lock, or get the right to write")
    case .success(let write) where !write.isListed && write.isPromised:
      return .fail(
        name, "a lock was not in the next listing, although the storage's listings are said to be immediate",
        advice: "leave out -o rest.immediate-listings or s3.immediate-listings")
    case .success(let write) where !write.isListed:
      return .warning(
        name, "a lock was not in the next listing: what one client saves others see later",
        advice: "give clients time between their pushes")
    case .success: return .ok(name, "a lock was written, listed and removed")
    }
  }

  /// The verdict about whether files can be removed.
  static func removal(_ removal: RepositoryProbe.Removal) -> DoctorCheck {
    let name = "removing"
    switch removal {
    case .allowed: return .ok(name, "files can be removed: `restic forget` and `restic prune` work from here")
    case .refused:
      return .ok(
        name, "append-only: nothing but locks can be removed, so `restic forget` and `restic prune` run elsewhere")
    }
  }

  private static func name(_ lock: RepositoryProbe.Lock) -> String {
    "lock \(lock.id.short) of process \(lock.file.pid) on \(lock.file.hostname)"
  }
}
