/// Makes the transport for a server. `limits` are given where less patience is wanted than elsewhere.
typealias TransportMaker = @Sendable (_ origin: HTTPOrigin, _ limits: ServiceLimits?) -> any HTTPTransport

/// How long a service that hands out credentials is waited for: it answers at once, or it is not there.
struct ServiceLimits: Hashable, Sendable {
  /// Time to connect.
  let connect: Duration
  /// A request is given up when nothing of it has moved for so long.
  let stuck: Duration
  /// Whether it is reached without a proxy, whatever HTTP_PROXY says.
  let isDirect: Bool

  /// The service of an Amazon machine, which answers at once or is not there. Source: the SDKs' metadata_service_timeout.
  static let machine = ServiceLimits(connect: .seconds(1), stuck: .seconds(1), isDirect: true)

  /// A service behind a link-local address.
  static let linkLocal = ServiceLimits(connect: .seconds(1), stuck: .seconds(5), isDirect: true)

  /// A service in the internet that hands out credentials, which requests may wait for.
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
