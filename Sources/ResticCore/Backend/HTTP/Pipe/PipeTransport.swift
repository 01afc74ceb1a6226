internal import Logging

/// HTTP/2 over the standard input and output of a program, such as `rclone serve restic --stdio`, on one thread (`PipeThread`).
///
/// - The first request starts the program, and starts it again after its end. Requests that were under way then fail;
///   `RetryingBackend` repeats them.
/// - The program serves once its first frame (SETTINGS) has arrived: rclone sends the frame once it has opened its
///   remote. No request is made to find out, so no round trip is lost.
/// - Parts of bodies are written from their place in memory, and received data is copied once, to its final place.
/// - All requests share one connection, with a stream each; `LimitedBackend` decides how many run at a time.
final class PipeTransport: HTTPTransport {
  private let thread: PipeThread

  /// The program of `command`, which is not started yet. Its standard error is logged.
  init(_ command: ServiceCommand, options: TransportOptions, logger: Logger) {
    thread = PipeThread(command, options: options, logger: logger)
  }

  deinit {
    thread.stop()
  }

  func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse {
    let exchange = PipeExchange(request)
    // A request that begins in a cancelled task is part of cleaning up.
    guard !Task.isCancelled else { return try await thread.run(exchange).get() }
    let result = await withTaskCancellationHandler {
      await thread.run(exchange)
    } onCancel: {
      thread.cancel(exchange)
    }
    return try result.get()
  }
}
