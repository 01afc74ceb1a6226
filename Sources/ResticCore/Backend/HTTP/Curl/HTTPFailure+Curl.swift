internal import CCurl

extension HTTPFailure {
  /// The meaning of libcurl's `code` for a request to `origin`; `text` is libcurl's message.
  init(_ code: CURLcode, text: String, on handle: CurlHandle, _ origin: HTTPOrigin) {
    let reason = text.isEmpty ? String(cString: ccurl_easy_strerror(code)) : text
    let message = "\(origin): \(reason)"
    // With TLS 1.3, a server refuses the client certificate in its first answer.
    let isAboutCertificates = reason.contains("alert") && reason.contains("certificate")
    switch code {
    case _ where Self.trust.contains { $0 == code } || isAboutCertificates: self = .untrusted(message)
    case _ where Self.contact.contains { $0 == code }: self = .unreachable(message)
    // The request was not sent at all.
    case CURLE_OPERATION_TIMEDOUT where handle.count(CURLINFO_PRETRANSFER_TIME_T) == 0: self = .unreachable(message)
    default: self = .interrupted(message)
    }
  }

  private static let trust = [
    CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
    CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_CLIENTCERT,
  ]
  /// A server that speaks another protocol counts as unreachable.
  private static let contact = [
    CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY,
    CURLE_SSL_CONNECT_ERROR,
    CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT,
  ]
}
