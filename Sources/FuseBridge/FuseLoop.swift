internal import CFuse3
internal import Dispatch
internal import Glibc
internal import Platform
internal import Synchronization
internal import SystemPackage

/// The threads that take requests from the kernel and answer them.
///
/// libfuse's own loop ends only when a signal or another request arrives, so this class replaces it. The device is read
/// without blocking; a thread that finds no request waits in epoll for the device or for `stop`. The device is armed for
/// one waiter at a time (EPOLLONESHOT), and armed again as soon as that waiter has read, so a request wakes one thread.
/// The loop adds a thread whenever a request leaves no thread idle. A thread ends when too many threads are idle.
///
/// Before a thread waits, it polls the device for some microseconds, with the device not armed: a program that makes one
/// system call after another sends the next request at once, and waking a thread on another core takes longer than
/// answering the request. One thread at a time polls.
///
/// Threads are plain pthreads with all signals blocked, so handlers may block and signals go to the program's own
/// threads.
final class FuseLoop: Sendable {
  private struct State {
    var threadCount = 0
    /// How many threads are answering a request.
    var busyCount = 0
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

  /// The size of the header with which every request begins. Source: linux/fuse.h, fuse_in_header.
  private static let leastRequestByteCount = 40
  /// How long a thread polls: longer than a program takes from one system call to the next, and too short for anyone to
  /// notice.
  private static let lookDuration = Duration.microseconds(30)

  private let device: Int32
  private let queue: Int32
  private let wakeUp: Int32
  private let maximumThreadCount: Int
  private let maximumIdleThreadCount: Int
  private let state = Locked(State())
  private let isStopped = Atomic(false)
  /// Whether a thread polls the device; the device is not armed then.
  private let isLooking = Atomic(false)
  private let memory: any FuseMemory
  /// The last thread signals this when it ends.
  private let finished = DispatchSemaphore(value: 0)
  /// libfuse locks the state that threads share. Only the threads use the session, that is, until `run` returns.
  private nonisolated(unsafe) let session: OpaquePointer

  /// Creates a loop for a mounted session, which must outlive `run`. Requests are read into `memory`.
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

  /// Serves until the connection is gone or `stop` was called, and every thread has ended. Returns an error if libfuse
  /// failed.
  func run() -> Errno? {
    state.withLock { $0.threadCount = 1 }
    if let error = startThread() { return error }
    finished.wait()
    return state.withLock { $0.failure }
  }

  /// Makes each thread end after the request that it is answering. Any thread may call this, even before `run`.
  func stop() {
    isStopped.store(true, ordering: .releasing)
    // The descriptor stays readable, so it wakes every thread.
    eventfd_write(wakeUp, 1)
  }

  /// The whole life of one thread. The thread's C entry calls this.
  private func work() {
    let memory = FuseRequestMemory(from: memory)
    // Whether this thread has taken the device's event from epoll, and no thread has armed the device since.
    var hasEvent = false
    // When this thread stops polling; nil: it does not poll.
    var lookEnd: ContinuousClock.Instant?
    while true {
      let received = receive(into: memory.room())
      if received == .nothing, let end = lookEnd, .now < end { continue }
      if lookEnd != nil {
        lookEnd = nil
        isLooking.store(false, ordering: .releasing)
        hasEvent = true
      }
      // A thread that polls arms the device when it stops. If this thread armed the device now, the next request would
      // wake another thread as well.
      if hasEvent, !isLooking.load(ordering: .acquiring) { arm(true) }
      hasEvent = false
      switch received {
      case .request(let byteCount):
        beginRequest()
        answer(memory.room(), byteCount)
        guard endRequest() else { return }
        if isLooking.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged {
          arm(false)
          lookEnd = .now + Self.lookDuration
        }
      case .nothing:
        guard waitForRequest() else { return endThread() }
        hasEvent = true
      case .interruption:
        continue
      case .end(let failure):
        if let failure { state.withLock { $0.failure = failure } }
        stop()
        return endThread()
      }
    }
  }

  /// Arms the device, so that the next request wakes one waiting thread, or disarms it.
  private func arm(_ isArmed: Bool) {
    _ = watch(device, EPOLL_CTL_MOD, isArmed ? EPOLLIN.rawValue | EPOLLONESHOT.rawValue : 0)
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

  /// Lets libfuse decode the request; libfuse calls `FuseOperations` on this thread.
  private func answer(_ memory: UnsafeMutableRawBufferPointer, _ byteCount: Int) {
    var buffer = fuse_buf()
    buffer.mem = memory.baseAddress
    buffer.size = byteCount
    fuse_session_process_buf(session, &buffer)
  }

  /// Waits until the device may have a request. Returns false if the loop was stopped.
  private func waitForRequest() -> Bool {
    var event = epoll_event()
    while true {
      let count = epoll_wait(queue, &event, 1, -1)
      if count == 1 { return event.data.fd == device && !isStopped.load(ordering: .acquiring) }
      guard count == 0 || errno == EINTR else {
        let error = Errno(rawValue: errno)
        state.withLock { $0.failure = error }
        stop()
        return false
      }
    }
  }

  /// Counts another busy thread, and adds a thread if no thread is idle.
  private func beginRequest() {
    let mustStart = state.withLock { state in
      state.busyCount += 1
      guard state.busyCount == state.threadCount, state.threadCount < maximumThreadCount else { return false }
      state.threadCount += 1
      return true
    }
    // If no thread can be added, this thread continues alone; the next request tries again.
    if mustStart, startThread() != nil { state.withLock { $0.threadCount -= 1 } }
  }

  /// Counts one busy thread fewer. Returns false if this ended the calling thread.
  private func endRequest() -> Bool {
    let (goesOn, isLast) = state.withLock { state in
      state.busyCount -= 1
      guard isStopped.load(ordering: .acquiring) || state.threadCount - state.busyCount > maximumIdleThreadCount else {
        return (true, false)
      }
      state.threadCount -= 1
      return (false, state.threadCount == 0)
    }
    if isLast { finished.signal() }
    return goesOn
  }

  /// Ends the calling thread, which must not be busy.
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
