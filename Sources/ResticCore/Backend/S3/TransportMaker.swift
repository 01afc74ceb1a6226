/// Makes the transport for a server. `limits` are given where less patience is wanted than elsewhere.
typealias TransportMaker = @Sendable (_ origin: HTTPOrigin, _ limits: ServiceLimits?) -> any HTTPTransport

/// How long a service of this machine or of its network is waited for: it answers at once, or it is not there.
struct ServiceLimits: Hashable, Sendable {
  /// Time to connect.
  let connect: Duration
  /// A request is given up when nothing of it has moved for so long.
  let stuck: Duration
  /// Whether it is reached without a proxy, whatever HTTP_PROXY says.
  let isDirect: Bool

  /// A service behind a link-local address.
  static let linkLocal = ServiceLimits(connect: .seconds(1), stuck: .seconds(5), isDirect: true)

  /// `options` with these limits.
  func applied(to options: TransportOptions) -> TransportOptions {
    var result = options
    result.connectTimeout = connect
    result.stuckTimeout = stuck
    if isDirect { result.proxies = ProxyRules() }
    return result
  }
}
