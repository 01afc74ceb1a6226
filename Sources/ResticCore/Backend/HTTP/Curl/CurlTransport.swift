internal import CCurl

/// HTTP/1.1 through libcurl, on one thread of its own that all requests share (`CurlThread`).
///
/// - Connections are kept and used again. How many there are is decided by how many requests there are at a time
///   (`LimitedBackend`); libcurl itself holds no request back, so that those for locks never wait.
/// - What is sent is sent from where it is, and what is received is copied once, to where it stays.
/// - No redirect is followed, and neither ~/.netrc nor a variable of libcurl's is read.
/// - HTTP/2 is left alone: over TLS it takes six times the processor time in libcurl 7.88.
final class CurlTransport: HTTPTransport {
  private let origin: HTTPOrigin
  private let credentials: HTTPCredentials?
  private let options: TransportOptions
  /// Where requests are carried out; the failure of all of them where there is no libcurl.
  private let thread: Result<CurlThread, HTTPFailure>

  /// The server `origin`, to which `credentials` are shown.
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
    // What begins after a cancellation is there to clean up.
    guard !Task.isCancelled else { return try await thread.run(transfer).get() }
    let result = await withTaskCancellationHandler {
      await thread.run(transfer)
    } onCancel: {
      thread.cancel(transfer)
    }
    return try result.get()
  }

  /// libcurl wants to be set up once in a process.
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
