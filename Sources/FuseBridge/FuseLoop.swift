internal import CFuse3
internal import Dispatch
internal import Glibc
internal import Platform
internal import Synchronization
internal import SystemPackage

/// The threads that take requests from the kernel and answer them.
///
/// libfuse's own loop ends only when a signal or another request arrives, so this class replaces it. The device is read
/// without blocking. Either one thread has the turn (`FuseTurn`): that thread alone watches the device and answers
/// brief requests on the spot. Or no thread has the turn: the device is armed for one waiter at a time (EPOLLONESHOT),
/// and armed again as soon as that waiter has read, so a request wakes one thread. The loop adds a thread whenever a
/// request that is not brief leaves no thread idle. A thread ends when too many threads are idle.
///
/// Before the thread with the turn sleeps, it polls the device for some microseconds: a program that makes one system
/// call after another sends the next request at once, and waking a thread on another core takes longer than answering
/// the request.
///
/// Threads are plain pthreads with all signals blocked, so handlers may block and signals go to the program's own
/// threads. The handler of a brief request may hold locks for a short time, and otherwise waits only in
/// `FuseRequest.wait`: while the handler runs, no thread reads the device.
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

  private let device: Int32
  private let queue: Int32
  private let wakeUp: Int32
  private let maximumThreadCount: Int
  private let maximumIdleThreadCount: Int
  private let state = Locked(State())
  private let isStopped = Atomic(false)
  /// Whether a thread has the turn; the device is not armed then.
  private let isTaken = Atomic(false)
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
    let turn = FuseTurn(of: self)
    while true {
      switch receive(into: memory.room()) {
      case .request(let byteCount):
        turn.noteRequest()
        if !take(turn, for: FuseRequestHeader(UnsafeRawBufferPointer(rebasing: memory.room()[..<byteCount]))) {
          beginRequest()
        }
        answer(memory.room(), byteCount)
        // The handler may have given the turn away.
        guard turn.isHeld || endRequest() else { return }
        takeBack(turn)
        guard !isStopped.load(ordering: .acquiring) else {
          giveUp(turn)
          return endThread()
        }
      case .nothing:
        if turn.looksAgain() { continue }
        guard turn.isHeld ? waitAlone() : waitForRequest(turn) else {
          giveUp(turn)
          return endThread()
        }
      case .interruption:
        continue
      case .end(let failure):
        if let failure { state.withLock { $0.failure = failure } }
        stop()
        giveUp(turn)
        return endThread()
      }
    }
  }

  // MARK: Turns

  /// Prepares for a request that a thread has just read. Returns true if the thread has the turn and keeps it, because
  /// the request is brief and the thread can answer all brief requests that are waiting. Otherwise another thread may
  /// read.
  private func take(_ turn: FuseTurn, for request: FuseRequestHeader) -> Bool {
    if request.isBrief, !turn.isOverloaded, turn.isHeld || takeTurn() {
      turn.isHeld = true
      turn.hasEvent = false
      return true
    }
    giveUp(turn)
    return false
  }

  /// Gives the turn away in the middle of a request that turned out not to be brief.
  func giveAway(_ turn: FuseTurn) {
    beginRequest()
    giveUp(turn)
  }

  /// Leaves the device to other threads: arms the device, unless another thread watches it.
  private func giveUp(_ turn: FuseTurn) {
    let mustArm = turn.isHeld || turn.hasEvent
    if turn.isHeld { isTaken.store(false, ordering: .releasing) }
    turn.isHeld = false
    turn.hasEvent = false
    if mustArm, !isTaken.load(ordering: .acquiring) { arm(true) }
  }

  /// Takes the turn after an answer if no thread has it.
  private func takeBack(_ turn: FuseTurn) {
    if !turn.isHeld, takeTurn() {
      turn.isHeld = true
      arm(false)
    }
    if turn.isHeld { turn.beginLook() }
  }

  private func takeTurn() -> Bool {
    isTaken.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
  }

  /// Arms the device, so that the next request wakes one waiting thread, or disarms it.
  private func arm(_ isArmed: Bool) {
    _ = watch(device, EPOLL_CTL_MOD, isArmed ? EPOLLIN.rawValue | EPOLLONESHOT.rawValue : 0)
  }

  // MARK: Requests

  /// Reads a request. libfuse's own function does the same, but chooses the memory itself.
  private func receive(into memory: UnsafeMutableRawBufferPointer) -> Received {
    // libfuse could not agree with the kernel on FUSE_INIT.
    guard fuse_session_exited(session) == 0 else { return .end(nil) }
    let byteCount = read(device, memory.baseAddress, memory.count)
    guard byteCount < 0 else { return byteCount < FuseRequestHeader.byteCount ? .end(.ioError) : .request(byteCount) }
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

  /// Waits, without the turn, until the device may have a request. Returns false if the loop was stopped.
  private func waitForRequest(_ turn: FuseTurn) -> Bool {
    giveUp(turn)
    var event = epoll_event()
    while true {
      let count = epoll_wait(queue, &event, 1, -1)
      if count == 1 {
        turn.hasEvent = event.data.fd == device
        return turn.hasEvent && !isStopped.load(ordering: .acquiring)
      }
      guard count == 0 || errno == EINTR else { return fail(Errno(rawValue: errno)) }
    }
  }

  /// Waits, with the turn, until the device may have a request, without arming the device. Returns false if the loop
  /// was stopped.
  private func waitAlone() -> Bool {
    var descriptors = (
      pollfd(fd: device, events: Int16(POLLIN), revents: 0), pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)
    )
    while true {
      let count = withUnsafeMutablePointer(to: &descriptors) { descriptors in
        descriptors.withMemoryRebound(to: pollfd.self, capacity: 2) { poll($0, 2, -1) }
      }
      if count > 0 { return descriptors.1.revents == 0 }
      guard count == 0 || errno == EINTR else { return fail(Errno(rawValue: errno)) }
    }
  }

  /// Ends the loop with a system error. Returns false.
  private func fail(_ error: Errno) -> Bool {
    state.withLock { $0.failure = error }
    stop()
    return false
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
