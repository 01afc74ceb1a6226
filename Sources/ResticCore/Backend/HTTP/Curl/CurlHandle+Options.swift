internal import CCurl
internal import Glibc

extension CurlHandle {
  /// Sets the options of the next request: server, credentials and time limits.
  func set(
    _ options: TransportOptions, for request: HTTPRequest, to origin: HTTPOrigin, _ credentials: HTTPCredentials?
  ) {
    set(CURLOPT_URL, origin.requestBase + request.target)
    // The path is sent as it was given, dots included, as Go does.
    set(CURLOPT_PATH_AS_IS, 1)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_HTTP_VERSION, Self.onlyHTTP11)
    set(CURLOPT_USERAGENT, options.userAgent)
    if let path = origin.socketPath { set(CURLOPT_UNIX_SOCKET_PATH, path) }
    if let credentials {
      set(CURLOPT_HTTPAUTH, Self.basicAuthentication)
      set(CURLOPT_USERNAME, credentials.user)
      set(CURLOPT_PASSWORD, credentials.password ?? "")
    }
    // An empty text means no proxy, and no environment variable is read.
    set(CURLOPT_PROXY, options.proxies.proxy(for: origin) ?? "")
    set(CURLOPT_NOPROXY, "")
    set(CURLOPT_BUFFERSIZE, Self.bufferByteCount)
    set(CURLOPT_UPLOAD_BUFFERSIZE, Self.bufferByteCount)
    ccurl_set_socket_function(pointer, openSocket)
    setTimes(options, for: request)
    if origin.scheme == .https { setTrust(options) }
  }

  private func setTimes(_ options: TransportOptions, for request: HTTPRequest) {
    // This program's threads receive no signals.
    set(CURLOPT_NOSIGNAL, 1)
    // A cancelled request does not wait until its host name is resolved.
    set(CURLOPT_QUICK_EXIT, 1)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_CONNECTTIMEOUT_MS, options.connectTimeout.milliseconds)
    set(CURLOPT_TIMEOUT_MS, options.deadline(of: request).milliseconds)
    set(CURLOPT_LOW_SPEED_LIMIT, 1)
    set(CURLOPT_LOW_SPEED_TIME, max(1, Int(options.stuckTimeout.components.seconds)))
  }

  private func setTrust(_ options: TransportOptions) {
    set(CURLOPT_SSLVERSION, Self.atLeastTLS12)
    if options.trustsAnyServer {
      set(CURLOPT_SSL_VERIFYPEER, 0)
      set(CURLOPT_SSL_VERIFYHOST, 0)
    }
    if let authorities = options.authorities {
      set(CURLOPT_CAINFO_BLOB, authorities)
      // Otherwise the system's certificates would be trusted too.
      set(CURLOPT_CAPATH, nil as UnsafeRawPointer?)
    }
    if let certificate = options.clientCertificate {
      set(CURLOPT_SSLCERT_BLOB, certificate)
      set(CURLOPT_SSLKEY_BLOB, certificate)
    }
  }

  /// Macros of curl.h that Swift does not see: CURL_HTTP_VERSION_1_1, CURL_SSLVERSION_TLSv1_2, CURLAUTH_BASIC.
  private static let onlyHTTP11 = 2
  private static let atLeastTLS12 = 6
  private static let basicAuthentication = 1
  /// libcurl's own buffers have 16 and 64 KiB.
  private static let bufferByteCount = 256 << 10
}

extension Duration {
  fileprivate var milliseconds: Int { Int(min(self / .milliseconds(1), Double(Int32.max))) }
}

/// CURLOPT_OPENSOCKETFUNCTION: every program started by this process would inherit libcurl's own sockets.
private func openSocket(
  _ context: UnsafeMutableRawPointer?, _ purpose: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
  guard let address = address?.pointee else { return -1 }
  return socket(address.family, address.socktype | Int32(SOCK_CLOEXEC.rawValue), address.protocol)
}
