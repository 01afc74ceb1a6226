/// Makes the transport for a server. `limits` are given for servers that must answer sooner than others.
typealias TransportMaker = @Sendable (_ origin: HTTPOrigin, _ limits: ServiceLimits?) -> any HTTPTransport

/// How long to wait for a service that returns credentials: it answers at once, or does not exist.
struct ServiceLimits: Hashable, Sendable {
  /// Time to connect.
  let connect: Duration
  /// A request is given up when none of its data has moved for this long.
  let stuck: Duration
  /// Whether the service is reached without a proxy, whatever HTTP_PROXY says.
  let isDirect: Bool

  /// The service of an Amazon machine, which answers at once or does not exist.
  /// Source: the SDKs' metadata_service_timeout.
  static let machine = ServiceLimits(connect: .seconds(1), stuck: .seconds(1), isDirect: true)

  /// A service behind a link-local address.
  static let linkLocal = ServiceLimits(connect: .seconds(1), stuck: .seconds(5), isDirect: true)

  /// A credentials service on the internet, for which requests may wait.
  static let tokenService = ServiceLimits(connect: .seconds(5), stuck: .seconds(30), isDirect: false)

  /// `options` with these limits.
  func applied(to options: TransportOptions) -> TransportOptions {
    var result = options
    result.connectTimeout = connect
    result.stuckTimeout = stuck
    if isDirect { result.proxies = ProxyRules() }
    return result
  }
}
