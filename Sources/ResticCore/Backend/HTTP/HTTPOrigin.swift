/// A server, and how to reach it.
public struct HTTPOrigin: Hashable, Sendable, CustomStringConvertible {
  /// The protocol.
  public enum Scheme: String, CaseIterable, Sendable {
    case http
    case https
    /// HTTP through a socket of this machine.
    case unixSocket = "http+unix"
  }

  /// The protocol.
  public let scheme: Scheme
  /// The host's name or address, an IPv6 address in brackets; the socket's path for `unixSocket`.
  public let host: String
  /// The port, if it is not the scheme's default.
  public let port: Int?

  /// A server.
  init(scheme: Scheme, host: String, port: Int? = nil) {
    self.scheme = scheme
    self.host = host
    self.port = port
  }

  /// The port to connect to.
  var effectivePort: Int { port ?? (scheme == .https ? 443 : 80) }

  /// The path of the socket; nil for a server in a network.
  var socketPath: String? { scheme == .unixSocket ? host : nil }

  /// `http://nas:8000`, as requests begin.
  var requestBase: String {
    scheme == .unixSocket ? "http://localhost" : description
  }

  /// `nas:8000`, or `/run/vault.sock:`.
  public var authority: String {
    scheme == .unixSocket ? "\(host):" : host + (port.map { ":\($0)" } ?? "")
  }

  /// `https://nas:8000`, or `http+unix:///run/vault.sock:`.
  public var description: String { "\(scheme.rawValue)://\(authority)" }
}
