#if TSAN
  internal import Glibc
#else
  public import Synchronization
#endif

/// State that only one thread touches at a time: all access goes through `withLock`.
///
/// The closure runs with the lock held, so it must be short, must not block, must not wait for a task and must not take
/// the same lock again. Lock order, where two are held at once, is written where the locks are declared.
///
/// Thread Sanitizer does not see through `Synchronization.Mutex` on Linux and reports races that are not there: a build
/// with `-DTSAN` uses a `pthread_mutex_t`, which it knows.
public struct Locked<State: ~Copyable>: ~Copyable, Sendable {
  #if TSAN
    private final class Storage: @unchecked Sendable {
      let mutex: UnsafeMutablePointer<pthread_mutex_t>
      var state: State

      init(_ state: consuming State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
      }

      deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
      }
    }

    private let storage: Storage

    /// Guards `state`.
    public init(_ state: consuming sending State) {
      storage = Storage(state)
    }

    /// The result of `body`, which has the state to itself while it runs.
    public borrowing func withLock<Result: ~Copyable, Failure>(
      _ body: (inout sending State) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
      pthread_mutex_lock(storage.mutex)
      defer { pthread_mutex_unlock(storage.mutex) }
      return try body(&storage.state)
    }
  #else
    @usableFromInline let mutex: Mutex<State>

    /// Guards `state`.
    @inlinable
    public init(_ state: consuming sending State) {
      mutex = Mutex(state)
    }

    /// The result of `body`, which has the state to itself while it runs.
    @inlinable
    public borrowing func withLock<Result: ~Copyable, Failure>(
      _ body: (inout sending State) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
      try mutex.withLock(body)
    }
  #endif
}
