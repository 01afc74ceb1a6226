extension HTTPOrigin {
  /// The host and the port that `text` spells: `host`, `host:port`, `[address]` or `[address]:port`; an empty port is none.
  static func hostAndPort(_ text: Substring) -> (host: String, port: Int?)? {
    let isAddress = text.hasPrefix("[")
    guard !isAddress || text.contains("]") else { return nil }
    let hostEnd = isAddress ? text.firstIndex(of: "]").map(text.index(after:)) : text.firstIndex(of: ":")
    let host = text[..<(hostEnd ?? text.endIndex)]
    guard !host.isEmpty, !host.contains(where: { " <>\"\\^`{|}%".contains($0) }) else { return nil }
    let rest = text[host.endIndex...]
    guard !rest.isEmpty, rest != ":" else { return (String(host), nil) }
    guard rest.hasPrefix(":"), rest.dropFirst().allSatisfy(\.isASCII), let port = UInt16(rest.dropFirst()) else {
      return nil
    }
    return (String(host), Int(port))
  }

  /// The server and the path in `url`, an address of the user's own; nil for anything but http and https without a user.
  static func parse(_ url: String) -> (origin: HTTPOrigin, path: String)? {
    guard let end = url.firstRange(of: "://"), let scheme = Scheme(rawValue: url[..<end.lowerBound].lowercased()),
      scheme != .unixSocket, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else { return nil }
    let rest = url[end.upperBound...]
    let slash = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    guard !rest[..<slash].contains("@"), let (host, port) = hostAndPort(rest[..<slash]) else { return nil }
    let path = rest[slash...].prefix { $0 != "#" }
    return (
      HTTPOrigin(scheme: scheme, host: host, port: port), path.hasPrefix("/") ? String(path) : "/" + path
    )
  }
}
