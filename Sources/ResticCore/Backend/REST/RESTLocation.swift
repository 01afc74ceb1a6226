/// A repository on a REST server, as written after `rest:`.
///
///     http://host:8000/   https://user:password@host/path/   http+unix:///run/vault.sock:/path/
///
/// Source: restic, internal/backend/rest/config.go, and Go's net/url.
public struct RESTLocation: Hashable, Sendable, CustomStringConvertible {
  /// The server.
  public let origin: HTTPOrigin
  /// The user and password in the URL; nil if it has none.
  private let named: HTTPCredentials?
  /// The credentials for a URL without any.
  private var unnamed: HTTPCredentials?
  /// The repository's path, as it is sent: begins and ends with a slash.
  public let path: String

  /// The location that `text` spells.
  init(_ text: String) throws(BackendLocationError) {
    func malformed(_ reason: String) -> BackendLocationError { .malformed(scheme: "rest", reason) }

    guard let end = text.firstRange(of: "://"),
      let scheme = HTTPOrigin.Scheme(rawValue: text[..<end.lowerBound].lowercased())
    else { throw malformed("it must begin with http://, https:// or http+unix://") }
    let rest = text[end.upperBound...]
    // A password with such a character would otherwise become part of the path.
    guard !rest.contains(where: { "?#".contains($0) }) else { throw malformed("write ? as %3F and # as %23") }
    guard rest.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { throw malformed("it contains a control character") }

    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let authority = rest[..<slash]
    let at = authority.lastIndex(of: "@")
    named = try at.map { at throws(BackendLocationError) in
      guard let credentials = Self.credentials(authority[..<at]) else {
        throw malformed("in user and password, write % as %25 and spaces as %20")
      }
      return credentials
    }
    let host = at.map { authority[authority.index(after: $0)...] } ?? authority
    let fullPath = rest[slash...] + (rest.hasSuffix("/") ? "" : "/")
    if scheme == .unixSocket {
      guard host.isEmpty, let colon = fullPath.firstIndex(of: ":"),
        let socket = PercentCoding.decoded(fullPath[..<colon])
      else { throw malformed("write a socket as http+unix:///run/server.sock:/path/") }
      origin = HTTPOrigin(scheme: scheme, host: socket)
      path = PercentCoding.path(Self.rooted(fullPath[fullPath.index(after: colon)...]))
      return
    }
    guard let (name, port) = HTTPOrigin.hostAndPort(host) else {
      throw malformed("the host or its port cannot be read")
    }
    origin = HTTPOrigin(scheme: scheme, host: name, port: port)
    guard PercentCoding.decoded(fullPath) != nil else { throw malformed("in the path, write % as %25") }
    path = PercentCoding.path(fullPath)
  }

  /// The same location; `credentials` are used if the URL names neither a user nor a password.
  public func withDefault(_ credentials: HTTPCredentials) -> RESTLocation {
    var copy = self
    if named.map({ $0.user.isEmpty && $0.password == nil }) ?? true { copy.unnamed = credentials }
    return copy
  }

  /// The credentials for the server; nil: none.
  public var credentials: HTTPCredentials? { unnamed ?? named }

  /// The location as restic prints it: `rest:https://user:***@host/path/`.
  public var description: String {
    guard let named else { return "rest:\(origin)\(path)" }
    return "rest:\(origin.scheme.rawValue)://\(named)@\(origin.authority)\(path)"
  }

  /// `url`, which a server has sent, without user, password and query.
  static func withoutSecrets(_ url: String) -> String {
    let plain = url.prefix { $0 != "?" && $0 != "#" }
    guard let start = plain.firstRange(of: "://")?.upperBound else { return String(plain) }
    let authority = plain[start...].prefix { $0 != "/" }
    guard let at = authority.lastIndex(of: "@") else { return String(plain) }
    return String(plain[..<start]) + plain[plain.index(after: at)...]
  }

  private static func credentials(_ text: Substring) -> HTTPCredentials? {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let user = PercentCoding.decoded(parts[0]) else { return nil }
    guard parts.count > 1 else { return HTTPCredentials(user: user, password: nil) }
    return PercentCoding.decoded(parts[1]).map { HTTPCredentials(user: user, password: $0) }
  }

  private static func rooted(_ path: Substring) -> Substring { path.hasPrefix("/") ? path : "/" + path }
}
