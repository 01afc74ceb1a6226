internal import Logging

/// HTTP/2 over the standard input and output of a program, such as `rclone serve restic --stdio`, on one thread (`PipeThread`).
///
/// - The program is started by the first request, and again by the first one after its end. Requests that were under way fail
///   then; they are made again by whoever makes them again (`RetryingBackend`).
/// - It has begun to serve when its first frame is there (SETTINGS): rclone sends that once it has opened its remote. Nothing is
///   asked to find out, so that no round trip is lost.
/// - Parts of bodies are written from where they are, and what is received is copied once, to where it stays.
/// - All requests share one connection, a stream each; how many there are at a time is for `LimitedBackend` to say.
final class PipeTransport: HTTPTransport {
  private let thread: PipeThread

  /// The program of `command`, which is not started yet. What it writes to standard error is logged.
  init(_ command: ServiceCommand, options: TransportOptions, logger: Logger) {
    thread = PipeThread(command, options: options, logger: logger)
  }

  deinit {
    thread.stop()
  }

  func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse {
    let exchange = PipeExchange(request)
    // What begins after a cancellation is there to clean up.
    guard !Task.isCancelled else { return try await thread.run(exchange).get() }
    let result = await withTaskCancellationHandler {
      await thread.run(exchange)
    } onCancel: {
      thread.cancel(exchange)
    }
    return try result.get()
  }
}
