internal import Logging
internal import SystemPackage

/// Connects to an SFTP server: when a connection is needed, and again after it has broken.
///
/// One connection serves all callers; they wait while it is being made. A broken connection is replaced only when a
/// call needs it, for example a retry (`RetryingBackend`). `state` is a leaf lock.
final class SFTPClient: Sendable {
  private typealias Waiter = CheckedContinuation<Result<SFTPConnection, SFTPFailure>, Never>

  private struct State {
    var connection: SFTPConnection?
    /// Whether a connection is being made; and the connection, once there is one.
    var isConnecting = false
    var coming: SFTPConnection?
    var lastTicket = 0
    var waiting: [(ticket: Int, waiter: Waiter)] = []
  }

  private let state = Locked(State())
  private let command: ServiceCommand
  private let host: String
  private let options: TransportOptions
  private let logger: Logger

  /// A client of the server that `command` leads to; `host` is for messages. The program's output goes to `logger`.
  init(_ command: ServiceCommand, host: String, options: TransportOptions, logger: Logger) {
    self.command = command
    self.host = host
    self.options = options
    self.logger = logger
  }

  deinit {
    state.withLock { [$0.connection, $0.coming] }.forEach { $0?.close() }
  }

  /// A connection that works, as far as is known. `isCancellable`: stop waiting when the task is cancelled.
  func connection(isCancellable: Bool) async throws(SFTPFailure) -> SFTPConnection {
    let (found, ticket): (SFTPConnection?, Int) = state.withLock { state in
      if let connection = state.connection, connection.isUsable { return (connection, 0) }
      state.lastTicket += 1
      return (nil, state.lastTicket)
    }
    if let found { return found }
    guard isCancellable else { return try await wait(ticket, isCancellable: false).get() }
    let result = await withTaskCancellationHandler {
      await wait(ticket, isCancellable: true)
    } onCancel: {
      let waiter = state.withLock { state in
        state.waiting.firstIndex { $0.ticket == ticket }.map { state.waiting.remove(at: $0).waiter }
      }
      waiter?.resume(returning: .failure(.cancelled))
    }
    return try result.get()
  }

  private func wait(_ ticket: Int, isCancellable: Bool) async -> Result<SFTPConnection, SFTPFailure> {
    await withCheckedContinuation { waiter in
      let (answer, begins): (Result<SFTPConnection, SFTPFailure>?, Bool) = state.withLock { state in
        // Under the lock: a later cancellation finds the entry below, an earlier one is seen here.
        if isCancellable, Task.isCancelled { return (.failure(.cancelled), false) }
        if let connection = state.connection, connection.isUsable { return (.success(connection), false) }
        state.waiting.append((ticket, waiter))
        defer { state.isConnecting = true }
        return (nil, !state.isConnecting)
      }
      if let answer { waiter.resume(returning: answer) }
      if begins { connect() }
    }
  }

  private func connect() {
    let connection: SFTPConnection
    do throws(Errno) {
      connection = try SFTPConnection(command, host: host, options: options, logger: logger)
    } catch {
      return settle(.failure(.interrupted("cannot create a pipe for the connection to \(host): \(error)")))
    }
    state.withLock { $0.coming = connection }
    connection.start { [weak self, weak connection] failure in
      guard let self, let connection else { return }
      settle(failure.map { .failure($0) } ?? .success(connection))
    }
  }

  private func settle(_ result: Result<SFTPConnection, SFTPFailure>) {
    let waiting = state.withLock { state in
      state.coming = nil
      state.isConnecting = false
      if case .success(let connection) = result { state.connection = connection }
      defer { state.waiting = [] }
      return state.waiting
    }
    for (_, waiter) in waiting { waiter.resume(returning: result) }
  }
}
