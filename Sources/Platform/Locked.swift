#if TSAN
  internal import Glibc
#else
  public import Synchronization
#endif

/// State that one thread at a time can access, through `withLock`.
///
/// The closure runs with the lock held, so it must be short, must not block, must not wait for a task and must not take
/// the same lock again. Where two locks are held at once, their order is written where the locks are declared.
///
/// Thread Sanitizer does not understand `Synchronization.Mutex` on Linux and reports false races. A build with `-DTSAN`
/// uses a `pthread_mutex_t` instead, which Thread Sanitizer understands.
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

    /// The result of `body`, which has exclusive access to the state while it runs.
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

    /// The result of `body`, which has exclusive access to the state while it runs.
    @inlinable
    public borrowing func withLock<Result: ~Copyable, Failure>(
      _ body: (inout sending State) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
      try mutex.withLock(body)
    }
  #endif
}
