/// How servers are accessed: the values of restic's options of the same names.
public struct TransportOptions: Sendable {
  /// Trusted certificates in PEM, which replace the system's; nil: the system's.
  public var authorities: [UInt8]?
  /// A certificate and its key in PEM that identify this client to servers.
  public var clientCertificate: [UInt8]?
  /// Whether any certificate of a server is accepted.
  public var trustsAnyServer = false
  /// The User-Agent to send.
  public var userAgent = "restic-gitfs"
  /// Time to connect, TLS included. Source: restic, http_transport.go.
  public var connectTimeout = Duration.seconds(30)
  /// A request is given up when none of its data has moved for this long.
  public var stuckTimeout = Duration.seconds(300)
  /// Bytes a second sent at most, all connections together; nil: no limit.
  public var uploadLimit: Int?
  /// Bytes a second received at most, all connections together; nil: no limit.
  public var downloadLimit: Int?
  /// Which servers are reached through a proxy.
  public var proxies = ProxyRules()

  /// A request may take a second longer for each of this many bytes: a slower sender counts as stuck.
  private static let leastBytesPerSecond = 1024
  /// The most requests that share a rate limit.
  private static let mostRequests = 16

  /// restic's defaults.
  public init() {}

  /// After this time a request is given up, even if its data still moves.
  func deadline(of request: HTTPRequest) -> Duration { deadline(moving: request.byteLimit) }

  /// As `deadline(of:)`, for a request that moves this many bytes.
  func deadline(moving byteCount: Int) -> Duration {
    let limits = [uploadLimit, downloadLimit].compactMap(\.self).map { $0 / Self.mostRequests }
    let rate = max(1, (limits + [Self.leastBytesPerSecond]).min() ?? Self.leastBytesPerSecond)
    return connectTimeout + stuckTimeout + .seconds(byteCount / rate)
  }
}
