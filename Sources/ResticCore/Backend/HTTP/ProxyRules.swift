/// Which servers are reached through a proxy: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as Go programs read them.
///
/// libcurl reads these variables differently, so it gets the result, and reads none itself.
/// Source: golang.org/x/net/http/httpproxy.
public struct ProxyRules: Hashable, Sendable {
  private let forHTTP: String?
  private let forHTTPS: String?
  private let exceptions: ProxyExceptions

  /// The rules in the variables; `variable` returns the value of one, nil or empty if it is not set.
  public init(_ variable: (String) -> String? = { _ in nil }) {
    func value(_ name: String) -> String? {
      [name, name.lowercased()].lazy.compactMap(variable).first { !$0.isEmpty }
    }
    // A web server passes the field "Proxy" of a request to its programs as HTTP_PROXY.
    let isWebProgram = variable("REQUEST_METHOD")?.isEmpty == false
    forHTTP = isWebProgram ? nil : value("HTTP_PROXY").map(Self.address)
    forHTTPS = value("HTTPS_PROXY").map(Self.address)
    exceptions = ProxyExceptions(value("NO_PROXY") ?? "")
  }

  /// The proxy through which `origin` is reached, as libcurl takes it; nil: none.
  func proxy(for origin: HTTPOrigin) -> String? {
    let proxy: String?
    switch origin.scheme {
    case .http: proxy = forHTTP
    case .https: proxy = forHTTPS
    case .unixSocket: proxy = nil
    }
    guard let proxy, !exceptions.contain(host: origin.host, port: origin.effectivePort) else { return nil }
    return proxy
  }

  /// A proxy's address with its scheme: HTTP if it has none, and SOCKS resolves names itself, as in Go.
  private static func address(_ text: String) -> String {
    guard let end = text.firstRange(of: "://") else { return "http://\(text)" }
    switch text[..<end.lowerBound].lowercased() {
    case "http", "https", "socks5h": return text
    case "socks5": return "socks5h\(text[end.lowerBound...])"
    default: return "http://\(text)"
    }
  }
}
