/// Lock files that need not be read again.
extension Repository {
  /// If there are more, everything that is known of other clients' locks is forgotten.
  private static let knownLockLimit = 1000

  /// How many lock files are read at a time.
  var locksReadAtOnce: Int { backend.isDistant ? settings.concurrentLoads : 1 }

  /// Remembers locks that were read.
  func note(locks: [LockID: LockSurvey.Found]) {
    knownLocks.withLock { known in
      if known.count > Self.knownLockLimit { known = [:] }
      known.merge(locks) { $1 }
    }
  }

  /// Remembers a lock file of this client that is about to be written.
  func note(ownLock file: LockFile, _ id: LockID) {
    note(locks: [id: LockSurvey.Found(id: id, file: file, mark: LockMark(of: file, stored: id))])
  }
}
