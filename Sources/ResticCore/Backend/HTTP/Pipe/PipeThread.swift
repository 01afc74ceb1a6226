internal import Glibc
internal import Logging
internal import Platform
internal import SystemPackage

/// The thread on which one transport talks to its program. It starts with the first request and ends after `stop`.
///
/// The program is started when there is a request and no program runs, also after a program has ended. Other threads
/// reach this one through `inbox`, a leaf lock; everything else is accessed by this thread only, hence `@unchecked`.
final class PipeThread: @unchecked Sendable {
  private struct Inbox {
    var begun: [PipeExchange] = []
    var cancelled: [PipeExchange] = []
    var isRunning = false
    var isStopped = false
    /// Wakes the thread, from its start on; and whether it was rung but not heard yet.
    var bell: Pipe?
    var isRung = false
  }

  private let inbox = Locked(Inbox())
  private let command: ServiceCommand
  private let options: TransportOptions
  private let logger: Logger
  private let rates: TransferRates
  private var connection: PipeConnection?
  /// Requests that no session has accepted yet.
  private var waiting: [PipeExchange] = []

  /// A thread that talks to the program of `command`.
  init(_ command: ServiceCommand, options: TransportOptions, logger: Logger) {
    self.command = command
    self.options = options
    self.logger = logger
    rates = TransferRates(uploadLimit: options.uploadLimit, downloadLimit: options.downloadLimit)
  }

  deinit {
    guard let bell = inbox.withLock({ $0.bell }) else { return }
    for end in [bell.readEnd, bell.writeEnd] { end.closeQuietly() }
  }

  /// Carries `exchange` out.
  func run(_ exchange: PipeExchange) async -> Result<HTTPResponse, HTTPFailure> {
    await withCheckedContinuation { continuation in
      exchange.wait(continuation)
      let needsThread = inbox.withLock { inbox in
        inbox.begun.append(exchange)
        defer { inbox.isRunning = true }
        return !inbox.isRunning
      }
      do throws(Errno) {
        if needsThread { try start() }
      } catch {
        return failAll(error)
      }
      wake()
    }
  }

  private func start() throws(Errno) {
    let known = inbox.withLock { $0.bell }
    let bell = if let known { known } else { try Pipe() }
    for end in [bell.readEnd, bell.writeEnd] { _ = fcntl(end.rawValue, F_SETFL, O_NONBLOCK) }
    inbox.withLock { $0.bell = bell }
    // The thread keeps this object alive until it is stopped.
    try PlainThread.start { self.work(bell) }
  }

  /// Ends `exchange` as soon as possible, wherever it is.
  func cancel(_ exchange: PipeExchange) {
    exchange.isCancelled.withLock { $0 = true }
    inbox.withLock { $0.cancelled.append(exchange) }
    wake()
  }

  /// Ends the thread and the program. Neither may be used afterwards.
  func stop() {
    inbox.withLock { $0.isStopped = true }
    wake()
  }

  private func wake() {
    inbox.withLock { inbox in
      guard !inbox.isRung, let bell = inbox.bell else { return }
      inbox.isRung = true
      _ = Glibc.write(bell.writeEnd.rawValue, "!", 1)
    }
  }

  /// Fails all waiting requests, because there is no thread for them.
  private func failAll(_ error: Errno) {
    let begun = inbox.withLock { inbox in
      defer { (inbox.begun, inbox.isRunning) = ([], false) }
      return inbox.begun
    }
    for exchange in begun {
      exchange.end(.failure(.interrupted("cannot start a thread for \(command.name): \(error)")))
    }
  }

  // MARK: On the thread

  private func work(_ bell: Pipe) {
    while true {
      let news = inbox.withLock { inbox in
        defer { (inbox.begun, inbox.cancelled) = ([], []) }
        return inbox
      }
      for exchange in news.begun { take(exchange) }
      for exchange in news.cancelled { drop(exchange, .failure(.cancelled)) }
      if news.isStopped, waiting.isEmpty, connection?.session.exchanges.isEmpty ?? true {
        return lose(.unused)
      }
      startIfNeeded()
      beginWaiting()
      if let loss = connection?.write() { lose(loss) }
      endOverdue(.now)
      // Requests that wait while there is no connection get a new one.
      if connection != nil || waiting.isEmpty { listen(bell) }
    }
  }

  private func take(_ exchange: PipeExchange) {
    guard !exchange.isCancelled.withLock({ $0 }) else { return exchange.end(.failure(.cancelled)) }
    exchange.lastMove = .now
    let limit = command.startLimit + options.deadline(of: exchange.request) + exchange.patience
    exchange.deadline = .now.advanced(by: limit)
    waiting.append(exchange)
  }

  private func drop(_ exchange: PipeExchange, _ result: Result<HTTPResponse, HTTPFailure>) {
    if let index = waiting.firstIndex(where: { $0 === exchange }) {
      waiting.remove(at: index)
    } else {
      connection?.session.drop(exchange, result)
    }
    // Wherever the exchange is: its program may be about to end.
    exchange.end(result)
  }

  private func startIfNeeded() {
    guard connection == nil, !waiting.isEmpty else { return }
    do throws(Errno) {
      connection = try PipeConnection(command, rates: rates, logger: logger)
    } catch {
      let message = "\(command.words[0]) cannot be started (\(error)): \(command.advice)"
      for exchange in waiting { exchange.end(.failure(.unreachable(message))) }
      waiting = []
    }
  }

  private func beginWaiting() {
    guard let session = connection?.session else { return }
    var left: [PipeExchange] = []
    for exchange in waiting where !session.begin(exchange) { left.append(exchange) }
    waiting = left
    // The session has no number left for another stream.
    if !left.isEmpty, session.exchanges.isEmpty { lose(.unused) }
  }

  /// Waits until there is something to do, and reads available data.
  private func listen(_ bell: Pipe) {
    let hasOutput = (connection?.session.output.byteCount ?? 0) > 0
    var events = [
      pollfd(fd: bell.readEnd.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: connection?.service.output.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: hasOutput ? connection?.service.input.rawValue ?? -1 : -1, events: Int16(POLLOUT), revents: 0),
    ]
    let sleep = nextLook.map { min(max(ContinuousClock.now.duration(to: $0), .zero), Self.longestSleep) }
    // Rounded up: a thread that wakes too early finds nothing to do.
    poll(&events, nfds_t(events.count), sleep.map { Int32($0 / .milliseconds(1)) + 1 } ?? -1)
    if events[0].revents != 0 {
      inbox.withLock { inbox in
        inbox.isRung = false
        var byte: UInt8 = 0
        _ = Glibc.read(bell.readEnd.rawValue, &byte, 1)
      }
    }
    // The program's output before its end is an answer.
    if events[1].revents != 0, let loss = connection?.read() { lose(loss) }
  }

  // MARK: Times

  private static let longestSleep = Duration.seconds(3600)

  /// When something may be overdue, or the rate allows a stream to continue; nil for never.
  private var nextLook: ContinuousClock.Instant? {
    guard let connection else { return nil }
    var times = connection.session.exchanges.values.map(giveUpTime)
    if let delay = connection.session.rateDelay { times.append(.now.advanced(by: delay)) }
    if !connection.session.isReady { times.append(connection.startDeadline) }
    return times.min()
  }

  private func giveUpTime(of exchange: PipeExchange) -> ContinuousClock.Instant {
    min(exchange.lastMove.advanced(by: options.stuckTimeout + exchange.patience), exchange.deadline)
  }

  private func endOverdue(_ now: ContinuousClock.Instant) {
    guard let connection else { return }
    if !connection.session.isReady, connection.startDeadline <= now { return lose(.stuck(command.startLimit)) }
    for exchange in connection.session.exchanges.values {
      if exchange.waitsForRate { exchange.lastMove = now }
      guard giveUpTime(of: exchange) <= now else { continue }
      // If others are answered, only this one is stuck.
      let isSilent = connection.lastReceived.advanced(by: options.stuckTimeout + exchange.patience) <= now
      if isSilent { return lose(.stuck(options.stuckTimeout)) }
      let message = "\(command.name): no data has moved for \(options.stuckTimeout.components.seconds) s"
      drop(exchange, .failure(.interrupted(message)))
    }
  }

  // MARK: The end of a connection

  /// Ends the connection. Requests under way fail once the program's end is known.
  private func lose(_ loss: PipeConnection.Loss) {
    guard let connection else { return }
    self.connection = nil
    let exchanges = connection.session.abandon()
    let (command, wasReady, firstWords) = (command, connection.session.isReady, connection.firstWords)
    connection.service.end(grace: loss.grace) { end in
      guard !exchanges.isEmpty else { return }
      let failure = end.failure(loss, of: command, firstWords: wasReady ? nil : firstWords)
      for exchange in exchanges { exchange.end(.failure(failure)) }
    }
  }
}
