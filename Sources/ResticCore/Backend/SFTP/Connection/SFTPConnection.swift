internal import Glibc
internal import Logging
internal import Platform
internal import SystemPackage

/// One connection to an SFTP server, from the start of its program to the program's end.
///
/// 1. All requests share the connection, each with its own number; none waits for the answer to another. Light requests
///    (locks, questions) go ahead of the pieces of large files, of which a limited number of bytes is under way
///    (`SFTPSchedule`).
/// 2. Every exchange ends: with all its replies, or with a failure. If the connection, or one exchange, makes no
///    progress for `TransportOptions.stuckTimeout`, the connection has failed.
/// 3. A failed connection stays failed. Everything under way on it fails too.
/// 4. A cancelled task gets `.cancelled` at once, unless it is cleaning up. Requests that were sent for it are still
///    answered.
/// 5. Data from the server takes no more memory than a packet, the memory of the reads, and some MiB for the names in a
///    folder.
///
/// Other threads reach the connection's thread through `inbox`, a leaf lock.
final class SFTPConnection: Sendable {
  /// What other threads want from the thread.
  struct Inbox {
    var begun: [SFTPExchange] = []
    var cancelled: [SFTPExchange] = []
    /// The connection is no longer used.
    var isClosed = false
    /// The thread has been told that there is something to do.
    var isRung = false
    /// The connection accepts nothing more.
    var isOver = false
    /// Why the connection has failed.
    var failure: SFTPFailure?
  }

  private let inbox = Locked(Inbox())
  private let bell: Pipe
  private let greeting = Locked<SFTPGreeting?>(nil)
  private let options: TransportOptions
  private let command: ServiceCommand
  private let words: SSHWords
  private let logger: Logger

  /// A connection of the program `command`, not started yet. `host` is for messages.
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

  /// Starts the program and greets the server; calls `then` with the outcome, on another thread. Call it once.
  func start(then: @escaping @Sendable (SFTPFailure?) -> Void) {
    do throws(Errno) {
      try PlainThread.start { self.work(then) }
    } catch {
      let failure = SFTPFailure.interrupted("cannot start a thread for the connection to \(words.host): \(error)")
      end(failure)
      then(failure)
    }
  }

  /// Whether the server supports `feature`.
  func has(_ feature: SFTPExtension) -> Bool {
    greeting.withLock { $0?.extensions.contains(feature) ?? false }
  }

  /// Whether the connection accepts requests.
  var isUsable: Bool { inbox.withLock { !$0.isOver && !$0.isClosed } }

  /// The replies to `steps`, one for each. `isCancellable`: returns as soon as the task is cancelled.
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

  /// Sends `requests` without waiting for the answers.
  func post(_ requests: [SFTPRequest]) {
    guard !requests.isEmpty else { return }
    begin(SFTPExchange(requests.map { .request($0) }))
  }

  /// Ends the connection: posted requests are still sent, if that does not take long.
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
    // If the pipe is full, the bell has rung already.
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
    // A person who is asked for a password takes a while.
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

  /// Ends `service`. `failure` converts its end to the failure of all exchanges.
  private func finish(_ service: ChildService, _ failure: @escaping @Sendable (ChildService.End) -> SFTPFailure) {
    inbox.withLock { $0.isOver = true }
    service.end(grace: Self.grace) { [self] ended in end(failure(ended)) }
  }

  /// How long a program may take to end once its input has ended.
  /// Source: restic, internal/backend/sftp/sftp.go.
  private static let grace = Duration.seconds(2)

  /// The connection is over; anything that begins from now on fails.
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
