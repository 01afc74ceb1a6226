internal import CFuse3
internal import Dispatch
internal import Glibc
internal import Platform
internal import Synchronization
internal import SystemPackage

/// The threads that take requests from the kernel and answer them.
///
/// libfuse's own loop cannot be ended from outside without a signal handler or a request that happens to come, so this is
/// ours. The device is read without blocking; who finds nothing waits in epoll for the device or for `stop`. The device
/// is armed for one waiter at a time (EPOLLONESHOT) and armed again as soon as that one has read, so a request wakes one
/// thread. A thread is added whenever a request leaves none without work, and ends when too many have none.
///
/// Before it waits, one thread looks again for some microseconds, with the device not armed: whoever makes one system call
/// after the other sends the next request at once, and to wake a thread on another core takes longer than to answer it.
///
/// Threads are plain pthreads with all signals blocked, so handlers may block and signals go to the program's own threads.
final class FuseLoop: Sendable {
  private struct State {
    var threadCount = 0
    /// How many threads are answering a request.
    var busyCount = 0
    var stopped = false
    var failure: Errno?
  }

  /// The result of reading the device.
  private enum Received: Equatable {
    case request(Int)
    case nothing
    case interruption
    /// No more requests will come; the error is the device's.
    case end(Errno?)
  }

  /// The header of every request. Source: linux/fuse.h, fuse_in_header.
  private static let leastRequestByteCount = 40

  private let device: Int32
  private let queue: Int32
  private let wakeUp: Int32
  private let maximumThreadCount: Int
  private let maximumIdleThreadCount: Int
  private let state = Locked(State())
  /// Whether a thread looks for requests again and again; the device is not armed then.
  private let isLooking = Atomic(false)
  /// Longer than a program takes from one system call to the next, much shorter than anybody would notice.
  private static let lookDuration = Duration.microseconds(30)
  private let memory: any FuseMemory
  /// Signalled by the last thread.
  private let finished = DispatchSemaphore(value: 0)
  /// libfuse locks the state that threads share. Used by the threads only, that is until `run` returns.
  private nonisolated(unsafe) let session: OpaquePointer

  /// A loop for a mounted session, which must outlive `run`. Requests are read into `memory`.
  init(session: OpaquePointer, memory: any FuseMemory, options: FuseMountOptions) throws(Errno) {
    self.session = session
    self.memory = memory
    device = fuse_session_fd(session)
    maximumThreadCount = max(1, options.maximumThreadCount)
    maximumIdleThreadCount = max(1, options.maximumIdleThreadCount)
    queue = epoll_create1(Int32(EPOLL_CLOEXEC))
    wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    let flags = fcntl(device, F_GETFL)
    guard queue >= 0, wakeUp >= 0, flags >= 0, fcntl(device, F_SETFL, flags | O_NONBLOCK) == 0,
      watch(device, EPOLL_CTL_ADD, EPOLLIN.rawValue | EPOLLONESHOT.rawValue),
      watch(wakeUp, EPOLL_CTL_ADD, EPOLLIN.rawValue)
    else { throw Errno(rawValue: errno) }
  }

  deinit {
    close(queue)
    close(wakeUp)
  }

  /// Serves until the connection is gone or `stop` was called, and every thread has ended; an error if libfuse failed.
  func run() -> Errno? {
    state.withLock { $0.threadCount = 1 }
    if let error = startThread() { return error }
    finished.wait()
    return state.withLock { $0.failure }
  }

  /// Makes all threads end after the request that they are answering. May be called from any thread, also before `run`.
  func stop() {
    state.withLock { $0.stopped = true }
    // Stays readable for good, so it wakes everybody.
    eventfd_write(wakeUp, 1)
  }

  /// The whole life of one thread; called by its C entry.
  private func work() {
    let memory = FuseRequestMemory(from: memory)
    var mustRearm = false
    // Until when this thread looks again, if it is the one that does.
    var lookEnd: ContinuousClock.Instant?
    while true {
      let received = receive(into: memory.room())
      if received == .nothing, let end = lookEnd, .now < end { continue }
      if lookEnd != nil {
        lookEnd = nil
        isLooking.store(false, ordering: .releasing)
        mustRearm = true
      }
      // Who looks arms the device when it stops: armed before, the next request would wake a thread beside it.
      if mustRearm, !isLooking.load(ordering: .acquiring) {
        _ = watch(device, EPOLL_CTL_MOD, EPOLLIN.rawValue | EPOLLONESHOT.rawValue)
      }
      mustRearm = false
      switch received {
      case .request(let byteCount):
        beginRequest()
        answer(memory.room(), byteCount)
        guard endRequest() else { return }
        if isLooking.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged {
          _ = watch(device, EPOLL_CTL_MOD, 0)
          lookEnd = .now + Self.lookDuration
        }
      case .nothing:
        guard waitForRequest() else { return endThread() }
        mustRearm = true
      case .interruption:
        continue
      case .end(let failure):
        if let failure { state.withLock { $0.failure = failure } }
        stop()
        return endThread()
      }
    }
  }

  /// Reads a request. libfuse's own function does the same, but chooses the memory itself.
  private func receive(into memory: UnsafeMutableRawBufferPointer) -> Received {
    // libfuse could not agree with the kernel on FUSE_INIT.
    guard fuse_session_exited(session) == 0 else { return .end(nil) }
    let byteCount = read(device, memory.baseAddress, memory.count)
    guard byteCount < 0 else { return byteCount < Self.leastRequestByteCount ? .end(.ioError) : .request(byteCount) }
    switch errno {
    case EAGAIN: return .nothing
    // ENOENT: the thread that made the request has died, or no longer wants an answer.
    case EINTR, ENOENT: return .interruption
    // Unmounted or aborted.
    case ENODEV: return .end(nil)
    case let error: return .end(Errno(rawValue: error))
    }
  }

  /// Has libfuse decode the request, which calls `FuseOperations` on this thread.
  private func answer(_ memory: UnsafeMutableRawBufferPointer, _ byteCount: Int) {
    var buffer = fuse_buf()
    buffer.mem = memory.baseAddress
    buffer.size = byteCount
    fuse_session_process_buf(session, &buffer)
  }

  /// Waits until the device may have a request; false if the loop was stopped.
  private func waitForRequest() -> Bool {
    var event = epoll_event()
    while true {
      let count = epoll_wait(queue, &event, 1, -1)
      if count == 1 { return event.data.fd == device && !state.withLock { $0.stopped } }
      guard count == 0 || errno == EINTR else {
        let error = Errno(rawValue: errno)
        state.withLock { $0.failure = error }
        stop()
        return false
      }
    }
  }

  /// Counts a busy thread, and adds a thread if none is idle.
  private func beginRequest() {
    let mustStart = state.withLock { state in
      state.busyCount += 1
      guard state.busyCount == state.threadCount, state.threadCount < maximumThreadCount else { return false }
      state.threadCount += 1
      return true
    }
    // If no thread can be added, this one continues alone; the next request tries again.
    if mustStart, startThread() != nil { state.withLock { $0.threadCount -= 1 } }
  }

  /// Counts one busy thread less; returns false if the calling thread has ended by this.
  private func endRequest() -> Bool {
    let (goesOn, isLast) = state.withLock { state in
      state.busyCount -= 1
      guard state.stopped || state.threadCount - state.busyCount > maximumIdleThreadCount else { return (true, false) }
      state.threadCount -= 1
      return (false, state.threadCount == 0)
    }
    if isLast { finished.signal() }
    return goesOn
  }

  /// Ends the calling thread, which is not busy.
  private func endThread() {
    let isLast = state.withLock { state in
      state.threadCount -= 1
      return state.threadCount == 0
    }
    if isLast { finished.signal() }
  }

  private func watch(_ descriptor: Int32, _ operation: Int32, _ events: UInt32) -> Bool {
    var event = epoll_event(events: events, data: epoll_data_t(fd: descriptor))
    return epoll_ctl(queue, operation, descriptor, &event) == 0
  }

  /// Starts a thread that is already counted.
  private func startThread() -> Errno? {
    do throws(Errno) {
      try PlainThread.start { [self] in work() }
      return nil
    } catch {
      return error
    }
  }
}
