import Glibc

/// A few threads for system calls that block: disk, pipes, sockets.
///
/// Swift's own pool has one thread for each core; a handful of slow disk operations there would stop everything else.
/// Threads start when work needs them, up to the limit, and end when the executor is released. They receive no signals,
/// which belong to the program's own threads. If the system cannot start even the first thread, work runs on the
/// caller's thread.
///
/// Work that has begun is never interrupted; a cancelled task still waits for its result.
public final class BlockingExecutor: Sendable {
  private let pool: ThreadPool

  /// An executor of at most `threadCount` threads.
  public init(threadCount: Int = 8) {
    precondition(threadCount > 0, "an executor needs a thread")
    pool = ThreadPool(limit: threadCount)
  }

  deinit {
    pool.stop()
  }

  /// The result or error of `body`, run on one of the threads; jobs start in order of arrival.
  public func run<Success: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () throws(Failure) -> Success
  ) async throws(Failure) -> Success {
    let result: Result<Success, Failure> = await withCheckedContinuation { continuation in
      pool.submit { continuation.resume(returning: Result(catching: body)) }
    }
    return try result.get()
  }
}

/// The threads and their queue. The threads keep this object alive, not the executor, so that releasing the executor
/// can stop them.
///
/// `mutex` guards every `var`. `@unchecked`: the compiler cannot see a pthread mutex.
private final class ThreadPool: @unchecked Sendable {
  private let limit: Int
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let wakeUp: UnsafeMutablePointer<pthread_cond_t>

  private var jobs: [@Sendable () -> Void] = []
  /// Jobs before this index are done or running; the array is emptied whenever all jobs have started.
  private var nextJob = 0
  private var threadCount = 0
  private var idleCount = 0
  private var isStopped = false

  init(limit: Int) {
    self.limit = limit
    mutex = .allocate(capacity: 1)
    wakeUp = .allocate(capacity: 1)
    let results = (pthread_mutex_init(mutex, nil), pthread_cond_init(wakeUp, nil))
    precondition(results == (0, 0), "pthread_mutex_init and pthread_cond_init cannot fail on Linux")
  }

  deinit {
    pthread_cond_destroy(wakeUp)
    pthread_mutex_destroy(mutex)
    wakeUp.deallocate()
    mutex.deallocate()
  }

  func submit(_ job: @escaping @Sendable () -> Void) {
    pthread_mutex_lock(mutex)
    jobs.append(job)
    let waitingCount = jobs.count - nextJob
    if waitingCount > idleCount && threadCount < limit && startThread() {
      threadCount += 1
    }
    // This blocks one of Swift's threads, which is better than ending the program.
    let isAlone = threadCount == 0
    if isAlone { jobs.removeLast() }
    pthread_cond_signal(wakeUp)
    pthread_mutex_unlock(mutex)
    if isAlone { job() }
  }

  func stop() {
    pthread_mutex_lock(mutex)
    isStopped = true
    pthread_cond_broadcast(wakeUp)
    pthread_mutex_unlock(mutex)
  }

  /// Runs jobs until the pool is stopped and empty.
  ///
  /// A job may hold the last reference to its executor, whose release needs `mutex`: so a job is released without
  /// holding `mutex`.
  private func work() {
    while let job = waitForJob() { job() }
  }

  /// The next job, as soon as there is one; nil when the pool is stopped and empty.
  private func waitForJob() -> (@Sendable () -> Void)? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while nextJob == jobs.count {
      if isStopped { return nil }
      idleCount += 1
      pthread_cond_wait(wakeUp, mutex)
      idleCount -= 1
    }
    let job = jobs[nextJob]
    jobs[nextJob] = {}
    nextJob += 1
    if nextJob == jobs.count {
      jobs.removeAll(keepingCapacity: true)
      nextJob = 0
    }
    return job
  }

  /// Whether a thread is running now.
  private func startThread() -> Bool {
    do {
      try PlainThread.start { [self] in work() }
      return true
    } catch {
      return false
    }
  }
}
