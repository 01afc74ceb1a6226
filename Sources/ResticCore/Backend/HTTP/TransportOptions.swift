/// How servers are talked to: what restic's options of the same names say.
public struct TransportOptions: Sendable {
  /// Certificates in PEM that are trusted instead of the system's; nil: the system's.
  public var authorities: [UInt8]?
  /// A certificate and its key in PEM, by which servers know us.
  public var clientCertificate: [UInt8]?
  /// Whether any certificate of a server is taken.
  public var trustsAnyServer = false
  /// The User-Agent to send.
  public var userAgent = "restic-gitfs"
  /// Time to connect, TLS included. Source: restic, http_transport.go.
  public var connectTimeout = Duration.seconds(30)
  /// A request is given up when nothing of it has moved for so long.
  public var stuckTimeout = Duration.seconds(300)
  /// Bytes a second sent at most, all connections together; nil: no limit.
  public var uploadLimit: Int?
  /// Bytes a second received at most, all connections together; nil: no limit.
  public var downloadLimit: Int?
  /// Which servers are reached through another one.
  public var proxies = ProxyRules()

  /// A request may take a second longer for each so many bytes: who sends fewer is no better than who sends none.
  private static let leastBytesPerSecond = 1024
  /// As many requests share a limit at most.
  private static let mostRequests = 16

  /// restic's defaults.
  public init() {}

  /// After this long a request is given up, whatever moves.
  func deadline(of request: HTTPRequest) -> Duration { deadline(moving: request.byteLimit) }

  /// As `deadline(of:)`, for a request that moves so many bytes.
  func deadline(moving byteCount: Int) -> Duration {
    let limits = [uploadLimit, downloadLimit].compactMap(\.self).map { $0 / Self.mostRequests }
    let rate = max(1, (limits + [Self.leastBytesPerSecond]).min() ?? Self.leastBytesPerSecond)
    return connectTimeout + stuckTimeout + .seconds(byteCount / rate)
  }
}
