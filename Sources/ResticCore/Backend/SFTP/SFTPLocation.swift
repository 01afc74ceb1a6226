/// A repository on an SSH server, as written after `sftp:`.
///
///     host:path   user@host:path   //user@host:2222/relative/path   //host//absolute/path   //[::1]/path
///
/// A path without a leading slash is relative to the server's start folder for the user, usually the home folder.
/// Source: restic, internal/backend/sftp/config.go, and Go's net/url.
public struct SFTPLocation: Hashable, Sendable, CustomStringConvertible {
  /// The user's name on the server; nil: ssh chooses.
  public let user: String?
  /// A name, an address (IPv6 without brackets), or an alias of ~/.ssh/config.
  public let host: String
  /// The port; nil: ssh chooses.
  public let port: Int?
  /// The repository's folder, without redundant slashes and dots; `.` for the server's start folder.
  public let path: String
  /// Whether it was written with `//`.
  private let isURL: Bool

  /// The location that `text` spells.
  init(_ text: String) throws(BackendLocationError) {
    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      throw Self.malformed("it contains a control character")
    }
    isURL = text.hasPrefix("//")
    let parts = isURL ? try Self.partsOfURL(text.dropFirst(2)) : try Self.parts(text)
    // Percent signs may have encoded some.
    guard [parts.user ?? "", parts.host, parts.path].allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } })
    else {
      throw Self.malformed("it contains a control character")
    }
    guard !parts.path.hasPrefix("~") else {
      throw Self.malformed("servers do not expand ~: leave it out, a relative path starts in the home folder")
    }
    if let reason = Self.objection(toHost: parts.host) ?? parts.user.flatMap(Self.objection(toUser:)) {
      throw Self.malformed(reason)
    }
    (user, host, port) = (parts.user, parts.host, parts.port)
    path = Self.cleaned(parts.path)
  }

  /// The location as restic prints it: `sftp:user@host:path` or `sftp://user@host:2222//path`.
  public var description: String {
    let name = user.map { "\($0)@" } ?? ""
    guard isURL else { return "sftp:\(name)\(host):\(path)" }
    return "sftp://\(name)\(authority)/\(path)"
  }

  /// Host and port: `nas:2222`, `[::1]`.
  public var authority: String {
    (host.contains(":") ? "[\(host)]" : host) + (port.map { ":\($0)" } ?? "")
  }

  // MARK: Reading

  private typealias Parts = (user: String?, host: String, port: Int?, path: String)

  private static func malformed(_ reason: String) -> BackendLocationError { .malformed(scheme: "sftp", reason) }

  private static let noPassword = "it must not contain a password: ssh asks for it, or uses a key"

  /// `user@host:path`. The user may contain one `@`, before a domain.
  private static func parts(_ text: String) throws(BackendLocationError) -> Parts {
    guard let colon = text.firstIndex(of: ":") else {
      throw malformed("write host:path or //host/path")
    }
    let (place, path) = (text[..<colon], text[text.index(after: colon)...])
    if place.hasPrefix("[") { throw malformed("write an IPv6 address as //[::1]/path") }
    // user:password@host:path, which restic reads as a host and a path. A folder of that name is written ./folder.
    let name = path.prefix { $0 != "/" }
    if let at = name.firstIndex(of: "@"), name[at...].contains(":") { throw malformed(noPassword) }
    let words = place.split(separator: "@", maxSplits: 2, omittingEmptySubsequences: false)
    let user = words.dropLast().joined(separator: "@")
    return (user.isEmpty ? nil : user, String(words.last ?? ""), nil, String(path))
  }

  /// `user@host:2222/path`, percent-encoded. The slash after the host is not part of the path.
  private static func partsOfURL(_ text: Substring) throws(BackendLocationError) -> Parts {
    let slash = text.firstIndex(of: "/") ?? text.endIndex
    let authority = text[..<slash]
    let at = authority.lastIndex(of: "@")
    let name = at.map { authority[..<$0] }
    if name?.contains(":") == true { throw malformed(noPassword) }
    guard !text.contains(where: { "?#".contains($0) }) else { throw malformed("write ? as %3F and # as %23") }
    guard slash < text.endIndex else { throw malformed("the path is missing: write //host/path") }
    guard let (host, port) = hostAndPort(at.map { authority[authority.index(after: $0)...] } ?? authority) else {
      throw malformed("the host or its port cannot be read")
    }
    guard let user = PercentCoding.decoded(name ?? ""),
      let path = PercentCoding.decoded(text[text.index(after: slash)...])
    else { throw malformed("write % as %25") }
    return (user.isEmpty ? nil : user, host, port, path)
  }

  /// `host`, `host:port`, `[address]` or `[address]:port`; an empty port counts as none.
  private static func hostAndPort(_ text: Substring) -> (host: String, port: Int?)? {
    let isAddress = text.hasPrefix("[")
    guard !isAddress || text.contains("]") else { return nil }
    let end = (isAddress ? text.firstIndex(of: "]").map(text.index(after:)) : text.firstIndex(of: ":")) ?? text.endIndex
    let host = isAddress ? text[..<end].dropFirst().dropLast() : text[..<end]
    guard let decoded = PercentCoding.decoded(host) else { return nil }
    let rest = text[end...]
    guard !rest.isEmpty, rest != ":" else { return (decoded, nil) }
    guard rest.hasPrefix(":"), rest.dropFirst().allSatisfy(\.isASCII), let port = UInt16(rest.dropFirst()), port > 0
    else {
      return nil
    }
    return (decoded, Int(port))
  }

  /// Why `host` must not be passed to ssh: ssh would read it as an option, or a shell started by ssh (ProxyCommand)
  /// might interpret it.
  /// Source: OpenSSH 9.6, ssh.c, valid_hostname.
  private static func objection(toHost host: String) -> String? {
    if host.isEmpty { return "the host is missing" }
    if host.hasPrefix("-") { return "a host cannot begin with -" }
    return host.contains { $0.isWhitespace || "'`\"$\\;&<>|(){}@/,".contains($0) } ? "the host cannot be read" : nil
  }

  /// As `objection(toHost:)`. Source: OpenSSH 9.6, ssh.c, valid_ruser.
  private static func objection(toUser user: String) -> String? {
    if user.hasPrefix("-") || user.contains(" -") { return "a user cannot begin with -" }
    return user.contains { "'`\";&<>|(){}\n".contains($0) } || user.hasSuffix("\\") ? "the user cannot be read" : nil
  }

  /// `path` without empty components, `.`, and `..` after a name.
  /// Source: Go, path.Clean.
  static func cleaned(_ path: String) -> String {
    let isAbsolute = path.hasPrefix("/")
    var names: [Substring] = []
    for name in path.split(separator: "/") where name != "." {
      if name != ".." || (names.isEmpty ? !isAbsolute : names.last == "..") {
        names.append(name)
      } else {
        _ = names.popLast()
      }
    }
    let joined = names.joined(separator: "/")
    return isAbsolute ? "/" + joined : joined.isEmpty ? "." : joined
  }
}
