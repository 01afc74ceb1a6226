/// A repository in a bucket of an S3 server, as written after `s3:`.
///
///     host/bucket/prefix   //host/bucket/prefix   https://host:port/bucket/prefix   http://…
///
/// Without a scheme, https is used and the path is taken literally; after `http://` or `https://` the path is
/// percent-decoded. A host may have a port in both forms. The prefix is cleaned as by Go's `path.Clean`.
/// Source: restic, internal/backend/s3/config.go and internal/backend/layout.
public struct S3Location: Hashable, Sendable, CustomStringConvertible {
  /// The server, without the port if it is the scheme's default: the name that requests are signed for.
  public let origin: HTTPOrigin
  /// The bucket.
  public let bucket: String
  /// The prefix of every key: empty, or with a slash at its end.
  public let keyBase: String
  private let text: String

  /// The location that `text` spells.
  init(_ text: String) throws(BackendLocationError) {
    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      throw Self.malformed("it contains a control character")
    }
    self.text = text
    let parts = text.hasPrefix("http") ? try Self.urlParts(text) : try Self.plainParts(text)
    guard let (host, port) = HTTPOrigin.hostAndPort(parts.authority), host.utf8.allSatisfy({ $0 < 0x80 }) else {
      throw Self.malformed("the host or its port cannot be read")
    }
    let scheme: HTTPOrigin.Scheme = parts.isPlainHTTP ? .http : .https
    let isOwnPort = port == HTTPOrigin(scheme: scheme, host: host).effectivePort
    origin = HTTPOrigin(scheme: scheme, host: host.lowercased(), port: isOwnPort ? nil : port)

    let (bucket, prefix) = Self.cut(parts.path)
    guard !bucket.isEmpty else { throw Self.malformed("the bucket is missing: write s3:host/bucket/prefix") }
    self.bucket = String(bucket)
    guard let keyBase = Self.keyBase(prefix) else { throw Self.malformed("the prefix leaves the bucket (..)") }
    self.keyBase = keyBase
  }

  /// The name of `file` in the bucket.
  func key(of file: BackendFile) -> String {
    switch file.type {
    case .config: keyBase + "config"
    case .data: keyBase + "data/\(file.name.prefix(2))/\(file.name)"
    case .index, .key, .lock, .snapshot: keyBase + "\(file.type.rawValue)/\(file.name)"
    }
  }

  /// The prefix of the keys of all files of `type`, which is not config.
  func folderKey(of type: BackendFileType) -> String { keyBase + type.rawValue + "/" }

  /// The location as it was written: `s3:https://host/bucket/prefix`. It contains no secret.
  public var description: String { "s3:\(text)" }

  private struct Parts {
    let isPlainHTTP: Bool
    let authority: Substring
    let path: String
  }

  private static func urlParts(_ text: String) throws(BackendLocationError) -> Parts {
    guard let end = text.firstRange(of: "://"),
      let scheme = HTTPOrigin.Scheme(rawValue: String(text[..<end.lowerBound])),
      scheme != .unixSocket
    else { throw malformed("it must begin with http://, https://, // or a host") }
    let rest = text[end.upperBound...]
    guard !rest.utf8.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) else {
      throw malformed("write ? as %3F and # as %23")
    }
    let slash = rest.utf8.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
    let authority = rest[..<slash]
    // restic ignores such keys, and uses others.
    guard !authority.utf8.contains(UInt8(ascii: "@")) else {
      throw malformed("it must not contain keys: pass them in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    }
    guard let path = PercentCoding.decoded(rest[slash...].dropFirst()) else {
      throw malformed("after \(scheme.rawValue)://, write % as %25")
    }
    return Parts(isPlainHTTP: scheme == .http, authority: authority, path: path)
  }

  private static func plainParts(_ text: String) throws(BackendLocationError) -> Parts {
    let (authority, path) = cut(text.hasPrefix("//") ? text.dropFirst(2) : text[...])
    guard !authority.isEmpty else { throw malformed("the host is missing: write s3:host/bucket/prefix") }
    guard !authority.utf8.contains(UInt8(ascii: "@")) else { throw malformed("the host cannot be read") }
    return Parts(isPlainHTTP: false, authority: authority, path: String(path))
  }

  /// The text before the first slash, and the text after it.
  private static func cut(_ text: some StringProtocol) -> (Substring, Substring) {
    let text = Substring(text)
    guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return (text, "") }
    return (text[..<slash], text[text.utf8.index(after: slash)...])
  }

  /// The prefix of the keys below `prefix`; nil if that leaves the bucket.
  private static func keyBase(_ prefix: Substring) -> String? {
    var segments: [Substring.UTF8View.SubSequence] = []
    let isRooted = prefix.utf8.first == UInt8(ascii: "/")
    for segment in prefix.utf8.split(separator: UInt8(ascii: "/")) where !segment.elementsEqual(".".utf8) {
      guard segment.elementsEqual("..".utf8) else {
        segments.append(segment)
        continue
      }
      if segments.popLast() == nil, !isRooted { return nil }
    }
    // A key with a leading slash differs from the key without it.
    return (isRooted ? "/" : "") + segments.map { "\(Substring($0))/" }.joined()
  }

  private static func malformed(_ reason: String) -> BackendLocationError { .malformed(scheme: "s3", reason) }
}
