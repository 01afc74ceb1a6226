internal import Glibc
internal import Platform
internal import SystemPackage

/// The traffic on a connection. Belongs to the connection's thread.
final class SFTPSession {
  /// Why the session is over.
  enum End: Error {
    /// The program's output has ended.
    case closed
    /// The server sent data that is not SFTP: the reason, and the data.
    case garbage(String, [UInt8])
    /// No data has moved for this long.
    case stuck(Duration)
    /// The server has not sent its greeting in time.
    case late(Duration)
    /// The connection is no longer used.
    case unused
  }

  /// How often deadlines are checked.
  private static let lookInterval = Duration.seconds(1)
  /// An answer may have to wait until earlier data has passed through a slow line of 32 KiB a second.
  private static let queueTime = Duration.seconds(SFTPSchedule.mostInFlight >> 15)
  /// How long requests under way may take once the connection is no longer used.
  private static let closingLimit = Duration.seconds(2)

  private let service: ChildService
  private let options: TransportOptions
  private let bell: FileDescriptor
  private let input = SFTPInput()
  private var output = SFTPOutput()
  private var schedule: SFTPSchedule
  /// Packets that were sent and not answered yet, by number.
  private var sent: [UInt32: SFTPSchedule.Packet] = [:]
  private var nextID: UInt32 = 0
  /// The request for the size limits of packets.
  private var limitsQuestion: SFTPExchange?
  private var isOutputFull = false
  private var lastMovement = ContinuousClock.now
  private var nextLook = ContinuousClock.now

  /// A session with the server behind `service`. `bell` is readable when there is news for the thread.
  init(_ service: ChildService, options: TransportOptions, bell: FileDescriptor) {
    self.service = service
    self.options = options
    self.bell = bell
    schedule = SFTPSchedule(uploadLimit: options.uploadLimit, downloadLimit: options.downloadLimit)
  }

  /// All exchanges that are not over, unordered.
  var exchanges: [SFTPExchange] {
    var all: [ObjectIdentifier: SFTPExchange] = [:]
    for exchange in schedule.exchanges { all[ObjectIdentifier(exchange)] = exchange }
    for sent in sent.values { all[ObjectIdentifier(sent.exchange)] = sent.exchange }
    return Array(all.values)
  }

  // MARK: The greeting

  /// The server's greeting. `isWanted` is called whenever the bell rings.
  func greet(until deadline: ContinuousClock.Instant, isWanted: () -> Bool) -> Result<SFTPGreeting, End> {
    let start = ContinuousClock.now
    output.append(SFTPRequest.greeting)
    do throws(End) {
      while true {
        guard isWanted() else { throw .unused }
        guard deadline > .now else { throw .late(start.duration(to: .now)) }
        try write()
        wait(until: deadline)
        if let greeting = try readGreeting() {
          if greeting.extensions.contains(.limits) { askForLimits() }
          return .success(greeting)
        }
      }
    } catch {
      return .failure(error)
    }
  }

  private func readGreeting() throws(End) -> SFTPGreeting? {
    try fill()
    do throws(SFTPPacketError) {
      guard let event = try input.next({ _ in nil }) else { return nil }
      guard case .packet(let packet) = event else { throw SFTPPacketError("it begins with data") }
      let greeting = try SFTPGreeting(packet)
      guard greeting.version == 3 else { throw SFTPPacketError("it speaks version \(greeting.version) instead of 3") }
      return greeting
    } catch {
      throw .garbage(error.description, input.unread)
    }
  }

  private func askForLimits() {
    limitsQuestion = ask(.limits)
  }

  // MARK: Requests and answers

  /// Carries out the requests from `news` until the session is over.
  func work(_ news: () -> SFTPConnection.Inbox) -> End {
    var closing: ContinuousClock.Instant?
    do throws(End) {
      while true {
        let news = news()
        for exchange in news.begun { begin(exchange) }
        for exchange in news.cancelled { abandon(exchange) }
        if news.isClosed {
          closing = closing ?? .now.advanced(by: Self.closingLimit)
          guard !isIdle, let closing, closing > .now else { return .unused }
        }
        try send()
        try look()
        wait(until: closing)
        try receive()
      }
    } catch {
      return error
    }
  }

  private var isIdle: Bool { sent.isEmpty && output.isEmpty && schedule.isEmpty }

  /// Sends a request of the session itself.
  @discardableResult
  private func ask(_ request: SFTPRequest) -> SFTPExchange {
    let exchange = SFTPExchange([.request(request)])
    exchange.deadline = .now.advanced(by: options.deadline(moving: SFTPSchedule.mostInFlight))
    begin(exchange)
    return exchange
  }

  private func begin(_ exchange: SFTPExchange) {
    // Its task may have been cancelled. Nobody waits for a posted exchange, which is never over before its end.
    guard !exchange.isOver else { return }
    exchange.hasBegun = true
    exchange.lastMovement = .now
    // The connection may have been idle for long.
    if isIdle { (lastMovement, nextLook) = (.now, .now.advanced(by: Self.lookInterval)) }
    enqueue(exchange)
  }

  /// Puts `exchange` into the queue of its next packet, or ends it.
  private func enqueue(_ exchange: SFTPExchange) {
    if !schedule.add(exchange), exchange.isComplete { exchange.finish() }
  }

  private func abandon(_ exchange: SFTPExchange) {
    // An exchange that arrives cancelled is not begun.
    guard exchange.hasBegun else { return }
    exchange.abandon()
    schedule.remove(exchange)
    // Close requests are still sent.
    enqueue(exchange)
  }

  /// Fills and writes the output for as long as the pipe accepts it.
  private func send() throws(End) {
    while true {
      while output.hasRoom, let (exchange, weight) = schedule.next() {
        send(exchange, weight)
      }
      guard !output.isEmpty else { return }
      try write()
      if isOutputFull { return }
    }
  }

  private func send(_ exchange: SFTPExchange, _ weight: SFTPExchange.Weight) {
    guard let packet = schedule.packet(of: exchange, weight) else { return enqueue(exchange) }
    let (id, piece) = (nextID, packet.piece)
    nextID &+= 1
    sent[id] = packet
    exchange.lastMovement = lastMovement
    output.append(
      exchange.request(for: piece), id: id, bytes: exchange.payload(of: piece),
      range: piece.offset..<piece.offset + piece.byteCount)
    // In turn with the others.
    if exchange.nextWeight != nil { enqueue(exchange) }
  }

  private func write() throws(End) {
    do throws(Errno) {
      if try output.write(to: service.input) > 0 { lastMovement = .now }
    } catch {
      throw .closed
    }
    isOutputFull = !output.isEmpty
  }

  private func fill() throws(End) {
    do throws(Errno) {
      guard let count = try input.fill(from: service.output) else { return }
      guard count > 0 else { throw Errno.brokenPipe }
      lastMovement = .now
    } catch {
      throw .closed
    }
  }

  private func receive() throws(End) {
    try fill()
    do throws(SFTPPacketError) {
      while let event = try input.next(target) { try take(event) }
    } catch {
      throw .garbage(error.description, [])
    }
  }

  private func target(_ id: UInt32) -> SFTPInput.Target? {
    guard let sent = sent[id], let memory = sent.exchange.memory(for: sent.piece),
      case .read(_, let range, _) = sent.exchange.steps[sent.piece.step]
    else { return nil }
    return SFTPInput.Target(
      memory: memory, offset: sent.piece.offset, byteCount: sent.piece.byteCount, totalByteCount: range.count)
  }

  private func take(_ event: SFTPInput.Event) throws(SFTPPacketError) {
    switch event {
    case .data(let id, let byteCount):
      guard let answered = remove(id) else { return }
      let hadNext = answered.exchange.nextWeight != nil
      answered.exchange.lastMovement = lastMovement
      answered.exchange.take(byteCount: byteCount, for: answered.piece)
      settle(answered.exchange, hadNext: hadNext)
    case .packet(let packet):
      let (id, reply) = try SFTPReply.decode(packet)
      // If the answer makes no sense, the request stays in `sent`, and fails with the others.
      guard let question = sent[id] else { throw SFTPPacketError("it answered a request that was not sent") }
      guard reply.answers(question.exchange.request(for: question.piece)) else {
        throw SFTPPacketError("it sent an answer of the wrong type")
      }
      if case .names(let names) = reply, !question.exchange.count(names) {
        throw SFTPPacketError("it sent more names than requested")
      }
      guard let answered = remove(id) else { return }
      let hadNext = answered.exchange.nextWeight != nil
      answered.exchange.lastMovement = lastMovement
      answered.exchange.take(reply, for: answered.piece)
      try note(reply, to: answered.exchange)
      settle(answered.exchange, hadNext: hadNext)
    }
  }

  private func remove(_ id: UInt32) -> SFTPSchedule.Packet? {
    guard let answered = sent.removeValue(forKey: id) else { return nil }
    schedule.settle(answered)
    return answered
  }

  /// Uses an answer beyond the exchange that waits for it.
  private func note(_ reply: SFTPReply, to exchange: SFTPExchange) throws(SFTPPacketError) {
    switch reply {
    case .handle(let handle) where exchange.isAbandoned:
      ask(.close(handle))
    case .extended(let bytes) where exchange === limitsQuestion:
      schedule.take(try SFTPLimits(bytes))
    default:
      return
    }
  }

  /// `hadNext`: the exchange is in a queue already.
  private func settle(_ exchange: SFTPExchange, hadNext: Bool) {
    if exchange.isComplete {
      exchange.finish()
    } else if !hadNext, exchange.nextWeight != nil {
      enqueue(exchange)
    }
  }

  // MARK: Time

  /// Checks deadlines from time to time.
  private func look() throws(End) {
    let now = ContinuousClock.now
    guard !isIdle, now >= nextLook else { return }
    nextLook = now.advanced(by: Self.lookInterval)
    // An exchange that waits for the rate moves nothing, but is not stuck.
    let isHeldBack = sent.isEmpty && output.isEmpty
    if isHeldBack { lastMovement = now }
    guard lastMovement.duration(to: now) < options.stuckTimeout else { throw .stuck(options.stuckTimeout) }
    let limit = options.stuckTimeout + Self.queueTime
    guard exchanges.allSatisfy({ $0.deadline > now && $0.lastMovement.duration(to: now) < limit }) else {
      throw .stuck(options.stuckTimeout)
    }
  }

  /// Sleeps until there is something to do.
  private func wait(until deadline: ContinuousClock.Instant?) {
    var events = [
      pollfd(fd: bell.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: service.output.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: output.isEmpty ? -1 : service.input.rawValue, events: Int16(POLLOUT), revents: 0),
    ]
    poll(&events, nfds_t(events.count), milliseconds(until: deadline))
    if events[0].revents != 0 {
      var bytes = [UInt8](repeating: 0, count: 64)
      _ = read(bell.rawValue, &bytes, bytes.count)
    }
  }

  /// -1: until something happens.
  private func milliseconds(until deadline: ContinuousClock.Instant?) -> Int32 {
    var delays: [Duration] = deadline.map { [ContinuousClock.now.duration(to: $0)] } ?? []
    if !isIdle { delays.append(Self.lookInterval) }
    // If the output is full, poll wakes the thread once it can write again.
    if !isOutputFull, let delay = schedule.delay() { delays.append(delay) }
    guard let delay = delays.min() else { return -1 }
    // Rounded up: a thread that wakes too early finds nothing to do.
    return Int32(max(0, min(delay / .milliseconds(1), 3.6e6))) + 1
  }
}
