/// The servers for which no proxy is used: this machine, and those that NO_PROXY names.
///
/// The variable is a comma-separated list of `*`, addresses, networks in CIDR notation and domains; a port may follow
/// an address or a domain. `example.com` includes its subdomains; `.example.com` and `*.example.com` mean only the
/// subdomains.
struct ProxyExceptions: Hashable, Sendable {
  private enum Entry: Hashable, Sendable {
    case everything
    case network(NetworkAddress, prefix: Int)
    case address(NetworkAddress, port: String)
    /// The suffix begins with a dot.
    case domain(suffix: String, isAlsoHost: Bool, port: String)
  }

  private let entries: [Entry]

  init(_ list: String) {
    entries = list.lowercased().split(separator: ",").compactMap { Self.entry(Self.trimmed($0)) }
  }

  /// Whether `host`, an IPv6 address in brackets, is reached without a proxy at `port`.
  func contain(host: String, port: Int) -> Bool {
    var host = host.lowercased()
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    let address = NetworkAddress(host)
    if host == "localhost" || address?.isLoopback == true { return true }
    return entries.contains { entry in
      switch entry {
      case .everything: true
      case .network(let network, let prefix): address?.isIn(network, prefix: prefix) ?? false
      case .address(let other, let otherPort): address == other && Self.matches(otherPort, port)
      case .domain(let suffix, let isAlsoHost, let otherPort):
        (host.hasSuffix(suffix) || isAlsoHost && host == suffix.dropFirst()) && Self.matches(otherPort, port)
      }
    }
  }

  private static func matches(_ text: String, _ port: Int) -> Bool { text.isEmpty || text == String(port) }

  private static func entry(_ text: String) -> Entry? {
    if text == "*" { return .everything }
    if let slash = text.firstIndex(of: "/"), let network = NetworkAddress(String(text[..<slash])),
      let prefix = Int(text[text.index(after: slash)...]), (0...network.bitCount).contains(prefix)
    {
      return .network(network, prefix: prefix)
    }
    var (host, port) = hostAndPort(text)
    if let address = NetworkAddress(host) { return .address(address, port: port) }
    guard !host.isEmpty else { return nil }
    if host.hasPrefix("*.") { host.removeFirst() }
    let isAlsoHost = !host.hasPrefix(".")
    return .domain(suffix: isAlsoHost ? ".\(host)" : host, isAlsoHost: isAlsoHost, port: port)
  }

  /// The two parts of `host:port` or `[address]:port`; the port is empty if there is none.
  private static func hostAndPort(_ text: String) -> (host: String, port: String) {
    if text.hasPrefix("["), let end = text.firstRange(of: "]:") {
      return (String(text[text.index(after: text.startIndex)..<end.lowerBound]), String(text[end.upperBound...]))
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count == 2 ? (String(parts[0]), String(parts[1])) : (text, "")
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
