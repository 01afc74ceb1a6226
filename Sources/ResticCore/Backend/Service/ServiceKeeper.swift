internal import CLinux
internal import Glibc
internal import Logging
internal import Platform
internal import SystemPackage

/// Reads a service's standard error, kills the service when its time is up, and waits for its end, on a thread of its
/// own.
///
/// `state` and `reading` are leaf locks; everything else belongs to the thread.
final class ServiceKeeper: @unchecked Sendable {
  private struct State {
    var killTime: ContinuousClock.Instant?
    var end: ChildService.End?
    var listener: (@Sendable (ChildService.End) -> Void)?
  }

  private let state = Locked(State())
  private let child: ChildProcess
  private let errors: FileDescriptor
  /// Readable once the process has ended.
  private let process: FileDescriptor
  private let bell: Pipe
  private let command: ServiceCommand
  private let hadTerminal: Bool
  private let logger: Logger
  private let reading: Locked<Reading>

  /// The standard error read so far, and whether there may be more. Any caller that wants it reads.
  private struct Reading {
    var words: ServiceWords
    var isOpen = true
  }

  /// Keeps `child`, whose standard error comes out of `errors`. Both belong to the keeper from now on, unless this
  /// throws.
  init(
    _ child: ChildProcess, errors: FileDescriptor, command: ServiceCommand, hadTerminal: Bool, logger: Logger
  ) throws(Errno) {
    self.child = child
    self.errors = errors
    self.command = command
    reading = Locked(Reading(words: ServiceWords(hiding: ServiceSecrets(command.secrets))))
    self.hadTerminal = hadTerminal
    self.logger = logger
    bell = try Pipe()
    let descriptor = open_process(child.processID)
    process = FileDescriptor(rawValue: descriptor)
    do throws(Errno) {
      guard descriptor >= 0 else { throw Errno(rawValue: errno) }
      _ = fcntl(errors.rawValue, F_SETFL, O_NONBLOCK)
      try PlainThread.start { self.work() }
    } catch {
      if descriptor >= 0 { process.closeQuietly() }
      bell.readEnd.closeQuietly()
      bell.writeEnd.closeQuietly()
      throw error
    }
  }

  /// Kills the process and its group if it has not ended within `grace`. Calls `listener` with its end, on another
  /// thread, or on this one if it is over.
  func end(grace: Duration, _ listener: @escaping @Sendable (ChildService.End) -> Void) {
    let end: ChildService.End? = state.withLock { state in
      guard state.end == nil else { return state.end }
      state.killTime = .now.advanced(by: grace)
      state.listener = listener
      // Wakes the thread, which reads to the end of that pipe.
      bell.writeEnd.closeQuietly()
      return nil
    }
    if let end { listener(end) }
  }

  /// The last lines that it wrote since `start`, up to this moment.
  func lastWords(since start: ContinuousClock.Instant) -> String {
    _ = readErrors()
    return reading.withLock { $0.words.last(since: start) }
  }

  // MARK: On the thread

  private func work() {
    var hasErrors = true
    var hasBell = true
    var killTime: ContinuousClock.Instant?
    var isKilled = false
    while true {
      var events = [
        pollfd(fd: process.rawValue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: hasErrors ? errors.rawValue : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: hasBell ? bell.readEnd.rawValue : -1, events: Int16(POLLIN), revents: 0),
      ]
      poll(&events, nfds_t(events.count), killTime.map { Self.milliseconds(until: $0) } ?? -1)
      if events[1].revents != 0 { hasErrors = readErrors() }
      if events[2].revents != 0 {
        hasBell = false
        killTime = state.withLock { $0.killTime }
      }
      if events[0].revents != 0 { break }
      if let time = killTime, time <= .now {
        kill(-child.processID, SIGKILL)
        if isKilled { giveUp() }
        // A process that cannot be killed (another user's, or one that waits for a disk) delays only this thread.
        killTime = isKilled ? nil : .now.advanced(by: Self.killLimit)
        isKilled = true
      }
    }
    // Until its end is waited for, no other process can have its number: so this also kills processes that it has
    // started.
    kill(-child.processID, SIGKILL)
    let status = child.wait()
    if hasErrors { _ = readErrors() }
    log(reading.withLock { $0.words.finish() })
    finish(end(status))
  }

  /// A killed program has ended by then.
  private static let killLimit = Duration.seconds(2)

  private func end(_ status: ChildProcess.End?) -> ChildService.End {
    ChildService.End(status: status, lastWords: reading.withLock { $0.words.last() }, hadTerminal: hadTerminal)
  }

  /// Tells the listener that the end of the program is unknown.
  private func giveUp() {
    state.withLock { $0.listener.take() }?(end(nil))
  }

  private func finish(_ end: ChildService.End) {
    let listener = state.withLock { state in
      state.end = end
      if state.killTime == nil { bell.writeEnd.closeQuietly() }
      return state.listener.take()
    }
    reading.withLock { $0.isOpen = false }
    for descriptor in [errors, process, bell.readEnd] { descriptor.closeQuietly() }
    listener?(end)
  }

  /// How much is read at a time, so that a program that writes endlessly does not keep the thread from its other work.
  private static let mostChunks = 64

  /// Reads what is available; returns false at the end. May be called from any thread.
  private func readErrors() -> Bool {
    let (lines, isEnd) = reading.withLock { reading in Self.read(errors, &reading) }
    log(lines)
    return !isEnd
  }

  private static func read(_ errors: FileDescriptor, _ reading: inout Reading) -> (lines: [String], isEnd: Bool) {
    var lines: [String] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    for _ in 0..<mostChunks {
      guard reading.isOpen else { return (lines, true) }
      let count = Glibc.read(errors.rawValue, &chunk, chunk.count)
      if count > 0 {
        lines += reading.words.take(chunk[..<count])
      } else if count == 0 || errno != EINTR {
        return (lines, count == 0 || errno != EAGAIN)
      }
    }
    return (lines, false)
  }

  private func log(_ lines: [String]) {
    for line in lines { logger.info("\(command.name): \(line)") }
  }

  private static func milliseconds(until time: ContinuousClock.Instant) -> Int32 {
    Int32(max(0, min(ContinuousClock.now.duration(to: time) / .milliseconds(1), 1e6))) + 1
  }
}
