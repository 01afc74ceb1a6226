internal import Glibc
internal import Logging
internal import Platform
internal import SystemPackage

/// One connection to an SFTP server, from the start of the program that makes it to that program's end.
///
/// 1. All requests share it, each with a number of its own; none waits for the answer to another. Light ones (locks, questions)
///    go ahead of the pieces of large files, of which so many bytes are under way at most (`SFTPSchedule`).
/// 2. Every exchange ends: with all its replies, or with a failure. When the connection, or one exchange, has not moved for
///    `TransportOptions.stuckTimeout`, the connection has failed.
/// 3. A connection that has failed stays so. Whatever was under way on it fails with it.
/// 4. A task that is cancelled gets `.cancelled` at once, unless it is cleaning up. What was sent for it is still answered.
/// 5. What a server sends takes no more memory than a packet, the memory that reads have, and some MiB for the names in a
///    folder.
///
/// `inbox` is how others reach the thread, a leaf lock.
final class SFTPConnection: Sendable {
  /// What others want of the thread.
  struct Inbox {
    var begun: [SFTPExchange] = []
    var cancelled: [SFTPExchange] = []
    /// Nobody uses it any more.
    var isClosed = false
    /// The thread knows that there is something.
    var isRung = false
    /// It takes nothing any more.
    var isOver = false
    /// Why it has failed.
    var failure: SFTPFailure?
  }

  private let inbox = Locked(Inbox())
  private let bell: Pipe
  private let greeting = Locked<SFTPGreeting?>(nil)
  private let options: TransportOptions
  private let command: ServiceCommand
  private let words: SSHWords
  private let logger: Logger

  /// A connection that `command` makes, once it is started. `host` is for messages.
  init(_ command: ServiceCommand, host: String, options: TransportOptions, logger: Logger) throws(Errno) {
    self.command = command
    words = SSHWords(host: host, command: command)
    self.options = options
    self.logger = logger
    bell = try Pipe()
    for end in [bell.readEnd, bell.writeEnd] { _ = fcntl(end.rawValue, F_SETFL, O_NONBLOCK) }
  }

  deinit {
    bell.readEnd.closeQuietly()
    bell.writeEnd.closeQuietly()
  }

  /// Starts the program and greets the server; `then` hears what came of it, on another thread. Call it once.
  func start(then: @escaping @Sendable (SFTPFailure?) -> Void) {
    do throws(Errno) {
      try PlainThread.start { self.work(then) }
    } catch {
      let failure = SFTPFailure.interrupted("cannot start a thread for the connection to \(words.host): \(error)")
      end(failure)
      then(failure)
    }
  }

  /// Whether the server has `feature`.
  func has(_ feature: SFTPExtension) -> Bool {
    greeting.withLock { $0?.extensions.contains(feature) ?? false }
  }

  /// Whether it takes requests.
  var isUsable: Bool { inbox.withLock { !$0.isOver && !$0.isClosed } }

  /// The replies to `steps`, one for each. `isCancellable`: it ends as soon as the task is cancelled.
  func run(_ steps: [SFTPExchange.Step], isCancellable: Bool) async throws(SFTPFailure) -> [SFTPReply] {
    let exchange = SFTPExchange(steps)
    guard isCancellable else { return try await replies(to: exchange).get() }
    let result = await withTaskCancellationHandler {
      await replies(to: exchange)
    } onCancel: {
      exchange.fail(.cancelled)
      inbox.withLock { $0.cancelled.append(exchange) }
      ring()
    }
    return try result.get()
  }

  /// Sends `requests`; nobody waits for the answers.
  func post(_ requests: [SFTPRequest]) {
    guard !requests.isEmpty else { return }
    begin(SFTPExchange(requests.map { .request($0) }))
  }

  /// Ends it: what was posted is still sent, if that does not take long.
  func close() {
    inbox.withLock { $0.isClosed = true }
    ring()
  }

  private func replies(to exchange: SFTPExchange) async -> Result<[SFTPReply], SFTPFailure> {
    await withCheckedContinuation { continuation in
      if exchange.wait(continuation) { begin(exchange) }
    }
  }

  private func begin(_ exchange: SFTPExchange) {
    exchange.deadline = .now.advanced(by: options.deadline(moving: exchange.byteCount + SFTPSchedule.mostInFlight))
    let failure: SFTPFailure? = inbox.withLock { inbox in
      guard inbox.failure == nil else { return inbox.failure }
      inbox.begun.append(exchange)
      return nil
    }
    if let failure { exchange.fail(failure) } else { ring() }
  }

  private func ring() {
    let isNew = inbox.withLock { inbox in
      defer { inbox.isRung = true }
      return !inbox.isRung
    }
    // A pipe that is full has rung.
    if isNew { _ = try? bell.writeEnd.writeAll([1]) }
  }

  // MARK: On the thread

  private func work(_ then: @escaping @Sendable (SFTPFailure?) -> Void) {
    let service: ChildService
    do throws(Errno) {
      service = try ChildService(command, logger: logger)
    } catch {
      let failure = SFTPFailure.refused("\(command.name) cannot be started: \(error); \(command.advice)")
      end(failure)
      return then(failure)
    }
    let session = SFTPSession(service, options: options, bell: bell.readEnd)
    // Somebody who is asked for a password takes a while.
    let limit = service.hasTerminal ? max(command.startLimit, options.stuckTimeout) : command.startLimit
    let start = session.greet(until: .now.advanced(by: limit)) { inbox.withLock { !$0.isClosed } }
    switch start {
    case .success(let greeting):
      self.greeting.withLock { $0 = greeting }
      service.becomeReady()
      then(nil)
      let end = session.work { takeNews() }
      let unanswered = session.exchanges
      finish(service) { [self] ended in
        let failure = words.failure(end, ended)
        for exchange in unanswered { exchange.fail(failure) }
        return failure
      }
    case .failure(let end):
      finish(service) { [self] ended in
        let failure = words.failureToBegin(end, ended)
        then(failure)
        return failure
      }
    }
  }

  private func takeNews() -> Inbox {
    inbox.withLock { inbox in
      defer { (inbox.begun, inbox.cancelled, inbox.isRung) = ([], [], false) }
      return inbox
    }
  }

  /// Has `service` go. `failure` makes what everybody hears of its end.
  private func finish(_ service: ChildService, _ failure: @escaping @Sendable (ChildService.End) -> SFTPFailure) {
    inbox.withLock { $0.isOver = true }
    service.end(grace: Self.grace) { [self] ended in end(failure(ended)) }
  }

  /// So long a program may take to go once its input has ended. Source: restic, internal/backend/sftp/sftp.go.
  private static let grace = Duration.seconds(2)

  /// It is over; what begins from now on fails.
  private func end(_ failure: SFTPFailure) {
    let late = inbox.withLock { inbox in
      inbox.isOver = true
      inbox.failure = failure
      defer { inbox.begun = [] }
      return inbox.begun
    }
    for exchange in late { exchange.fail(failure) }
  }
}
