internal import CCurl

/// HTTP/1.1 through libcurl, on one thread of its own that all requests share (`CurlThread`).
///
/// - Connections are reused. Their number follows from the number of concurrent requests (`LimitedBackend`); libcurl
///   itself delays no request, so requests for locks never wait.
/// - Request bodies are sent from their place in memory, and answers are copied once, to their final place.
/// - Redirects are not followed, and neither ~/.netrc nor libcurl's environment variables are read.
/// - HTTP/2 is not used: over TLS it takes six times the processor time in libcurl 7.88.
final class CurlTransport: HTTPTransport {
  private let origin: HTTPOrigin
  private let credentials: HTTPCredentials?
  private let options: TransportOptions
  /// The thread that carries out requests; a failure for all requests if there is no libcurl.
  private let thread: Result<CurlThread, HTTPFailure>

  /// A transport to the server `origin`, which gets `credentials`.
  init(origin: HTTPOrigin, credentials: HTTPCredentials?, options: TransportOptions) {
    self.origin = origin
    self.credentials = credentials
    self.options = options
    thread = Self.library.map {
      CurlThread(uploadLimit: options.uploadLimit, downloadLimit: options.downloadLimit)
    }
  }

  deinit {
    // Without libcurl there is no thread to stop, and every request has said so.
    try? thread.get().stop()
  }

  func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse {
    let thread = try thread.get()
    let transfer = CurlTransfer(request, to: origin, credentials: credentials, options: options)
    // A request that begins in a cancelled task is part of cleaning up.
    guard !Task.isCancelled else { return try await thread.run(transfer).get() }
    let result = await withTaskCancellationHandler {
      await thread.run(transfer)
    } onCancel: {
      thread.cancel(transfer)
    }
    return try result.get()
  }

  /// libcurl must be initialized once in a process.
  private static let library: Result<Void, HTTPFailure> = {
    if let reason = ccurl_load() {
      return .failure(.refused("libcurl cannot be used (\(String(cString: reason))): install the package libcurl4"))
    }
    guard ccurl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK else {
      return .failure(.refused("libcurl cannot be set up"))
    }
    return .success(())
  }()
}
