internal import CFuse3
public import Dispatch
internal import Glibc
internal import Synchronization

/// The request that the calling thread answers, for handlers that wait.
///
/// The kernel interrupts a request (FUSE_INTERRUPT) at every signal that the requesting thread receives, and that
/// thread waits for the answer even if it was killed. Most of these signals ask for nothing: Go's runtime sends SIGURG
/// to its own threads, and git uses a timer. Answering EINTR to such a signal would fail a read that never fails on a
/// local disk. So an interrupted request goes on, unless its thread is ending (`CallerSignals`).
public enum FuseRequest {
  /// How often the signals of an interrupted request's thread are examined: the kernel interrupts a request only once.
  private static let lookInterval = DispatchTimeInterval.milliseconds(200)

  /// The key under which a thread finds its own request.
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "the process has no room for a thread's value")
    return key
  }()

  /// Waits until `event` is signalled. Returns false if the thread that made the request ends first; answer the request
  /// with EINTR then. On a thread that answers no request, only `event` ends the wait.
  ///
  /// `event` may be signalled once more than its owner signalled it.
  public static func wait(for event: DispatchSemaphore) -> Bool {
    guard let request = current else {
      event.wait()
      return true
    }
    let interruption = Interruption(wakes: event)
    return withExtendedLifetime(interruption) {
      fuse_req_interrupt_func(request, noteInterruption, Unmanaged.passUnretained(interruption).toOpaque())
      // Waits for a running call of `noteInterruption`; no other comes later.
      defer { fuse_req_interrupt_func(request, nil, nil) }
      event.wait()
      guard interruption.hasHappened.load(ordering: .acquiring) else { return true }
      // The interruption has signalled `event` once. From now on, every signal is the owner's.
      repeat {
        if CallerSignals.isEnding(caller(of: request)) { return false }
      } while event.wait(timeout: .now() + lookInterval) == .timedOut
      return true
    }
  }

  /// Calls `body` with `request` as the one that the calling thread is answering.
  static func withCurrent(_ request: fuse_req_t, _ body: () -> Void) {
    pthread_setspecific(key, UnsafeMutableRawPointer(request))
    defer { pthread_setspecific(key, nil) }
    body()
  }

  private static var current: fuse_req_t? {
    pthread_getspecific(key).map { OpaquePointer($0) }
  }
}

/// Records that a request was interrupted, and wakes the thread that answers it.
private final class Interruption: Sendable {
  let hasHappened = Atomic(false)
  let event: DispatchSemaphore

  init(wakes event: DispatchSemaphore) {
    self.event = event
  }
}

/// libfuse calls this once for each request, under the request's lock; `data` is an `Interruption`.
private func noteInterruption(_: fuse_req_t?, _ data: UnsafeMutableRawPointer?) {
  guard let data else { return }
  Unmanaged<Interruption>.fromOpaque(data)._withUnsafeGuaranteedRef { interruption in
    guard !interruption.hasHappened.exchange(true, ordering: .acquiringAndReleasing) else { return }
    interruption.event.signal()
  }
}
