internal import CLinux
internal import Glibc
internal import SystemPackage

/// Reads a program's output until the program ends, on the thread that waits for it.
///
/// 1. Reading ends when the program has ended and its outputs are closed, or a moment after the program has ended: a
///    process that it leaves behind with its outputs delays nobody.
/// 2. A program that exceeds its time or its output, or that is no longer wanted (`ProgramLimits`), is killed with its
///    group.
/// 3. A program that cannot be killed is left to a thread that only waits for it.
struct ProgramReading {
  /// What was read from a pipe.
  private struct Output {
    /// -1 once it has ended.
    var descriptor: Int32
    var bytes: [UInt8] = []
  }

  private let child: ChildProcess
  private let limits: ProgramLimits?
  private var input: ArraySlice<UInt8>
  private var inputEnd: FileDescriptor?
  private var output: Output
  private var errors: Output
  /// When reading ends even if outputs are still open; set when the program ends.
  private var lastMoment: ContinuousClock.Instant?
  /// Whether the pipes were found empty after the program's end. On a busy machine, the last moment may pass before this
  /// thread has read what the program wrote.
  private var isDrained = false
  /// How many bytes are read after the program's end: no pipe holds more, and a process left behind may write forever.
  private var lastByteCount = 1 << 20

  /// Everything that the program wrote is in the pipe when it ends. A process left behind has this long to write more.
  private static let moment = Duration.milliseconds(200)
  /// How long a killed program is waited for.
  private static let killLimit = Duration.seconds(2)

  /// For `child`. `input` is written to the first descriptor, which is closed afterwards; its outputs are read from the
  /// others.
  init(
    _ child: ChildProcess, input: FileDescriptor, _ bytes: [UInt8], output: FileDescriptor, errors: FileDescriptor?,
    limits: ProgramLimits?
  ) {
    self.child = child
    self.limits = limits
    self.input = bytes[...]
    inputEnd = input
    self.output = Output(descriptor: output.rawValue)
    self.errors = Output(descriptor: errors?.rawValue ?? -1)
    for end in [input, output, errors].compactMap(\.self) { _ = fcntl(end.rawValue, F_SETFL, O_NONBLOCK) }
  }

  /// Reads to the end. Throws `.timedOut`, `.canceled` or `.fileTooLarge` where a limit was met.
  mutating func run() throws(Errno) -> ProgramOutput {
    // Without a process descriptor, the outputs must end before the program is waited for.
    let process = open_process(child.processID)
    defer {
      if process >= 0 { close(process) }
      closeInput()
    }
    do throws(Errno) {
      try readAll(process)
    } catch {
      kill(process)
      throw error
    }
    let end = child.wait()
    errors.bytes.removeFirst(max(0, errors.bytes.count - ProgramOutput.errorByteLimit))
    return ProgramOutput(end: end, output: output.bytes, errorOutput: errors.bytes)
  }

  private mutating func readAll(_ process: Int32) throws(Errno) {
    if input.isEmpty { closeInput() }
    while !isOver(process) {
      var events = [
        pollfd(fd: output.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: errors.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: inputEnd?.rawValue ?? -1, events: Int16(POLLOUT), revents: 0),
        pollfd(fd: lastMoment == nil ? process : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: limits?.stop?.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
      ]
      let time = lastMoment ?? limits?.deadline
      let isAnswered = poll(&events, nfds_t(events.count), time.map(Self.milliseconds) ?? -1) >= 0
      if events[4].revents != 0 { throw .canceled }
      if lastMoment == nil, let deadline = limits?.deadline, deadline <= .now { throw .timedOut }
      if events[0].revents != 0 { readOutput() }
      if events[1].revents != 0 { readErrors() }
      if events[2].revents != 0 { write() }
      if let limit = limits?.outputByteLimit, output.bytes.count > limit { throw .fileTooLarge }
      if lastMoment != nil, isAnswered, events[0].revents == 0, events[1].revents == 0 { isDrained = true }
      if events[3].revents != 0 { lastMoment = .now.advanced(by: Self.moment) }
    }
  }

  private func isOver(_ process: Int32) -> Bool {
    if let lastMoment, lastMoment <= .now && isDrained || lastByteCount <= 0 { return true }
    return output.descriptor < 0 && errors.descriptor < 0 && (lastMoment != nil || process < 0)
  }

  /// Reads a piece, and returns its length.
  private static func read(_ output: inout Output) -> Int {
    var chunk = [UInt8](repeating: 0, count: 16384)
    let count = Glibc.read(output.descriptor, &chunk, chunk.count)
    if count > 0 {
      output.bytes += chunk[..<count]
    } else if count == 0 || errno != EINTR && errno != EAGAIN {
      output.descriptor = -1
    }
    return max(0, count)
  }

  private mutating func readOutput() {
    let count = Self.read(&output)
    if lastMoment != nil { lastByteCount -= count }
  }

  private mutating func readErrors() {
    let count = Self.read(&errors)
    if lastMoment != nil { lastByteCount -= count }
    // Not at every read, because this moves the bytes that are kept.
    let limit = ProgramOutput.errorByteLimit
    if errors.bytes.count > 2 * limit { errors.bytes.removeFirst(errors.bytes.count - limit) }
  }

  private mutating func write() {
    guard let inputEnd else { return }
    let count = input.withUnsafeBytes { Glibc.write(inputEnd.rawValue, $0.baseAddress, $0.count) }
    if count > 0 { input = input.dropFirst(count) }
    // A program that does not read its input reports the reason itself.
    let isRefused = count < 0 && errno != EINTR && errno != EAGAIN
    if input.isEmpty || isRefused { closeInput() }
  }

  private mutating func closeInput() {
    inputEnd?.closeQuietly()
    inputEnd = nil
  }

  /// Kills the program and its group, and waits for its end, but not for long.
  private func kill(_ process: Int32) {
    if child.endIfOver() == nil { Glibc.kill(-child.processID, SIGKILL) }
    let deadline = ContinuousClock.now.advanced(by: Self.killLimit)
    while child.endIfOver() == nil {
      guard ContinuousClock.now < deadline else { return child.leave() }
      var event = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
      poll(&event, 1, process >= 0 ? Self.milliseconds(until: deadline) : 5)
      // The system may not report how the program ended.
      if event.revents != 0 {
        child.wait()
        return
      }
    }
  }

  private static func milliseconds(until time: ContinuousClock.Instant) -> Int32 {
    // Rounded up: a thread that wakes too early finds nothing to do.
    Int32(max(0, min(ContinuousClock.now.duration(to: time) / .milliseconds(1), 1e6))) + 1
  }
}
