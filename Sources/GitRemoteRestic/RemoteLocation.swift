import Glibc
import SystemPackage

/// Where the restic repository is: what stands behind `restic::`.
struct RemoteLocation: Hashable, Sendable, CustomStringConvertible {
  /// Schemes of restic that are not a folder.
  private static let schemes: Set<Substring> = ["s3", "sftp", "rest", "rclone", "b2", "gs", "azure", "swift"]

  /// As `restic-gitfs -r` and restic take it; a folder is absolute.
  let text: String
  /// The folder, where it is one of this machine.
  let localPath: FilePath?

  var description: String { text }

  /// The location that git's `url` names. Relative folders count from where git runs, as for the Go git-remote-restic.
  init(_ url: String) throws(HelperError) {
    let location = url.hasPrefix("restic::") ? String(url.dropFirst("restic::".count)) : url
    guard !location.hasPrefix("restic://"), !location.isEmpty else {
      throw HelperError("a URL is restic:: and a location as restic takes it, like restic::/srv/vault")
    }
    guard !location.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\n") }) else {
      throw HelperError("a location cannot hold a newline")
    }
    if let colon = location.firstIndex(of: ":"), Self.schemes.contains(location[..<colon]) {
      text = location
      localPath = nil
      return
    }
    let folder = location.hasPrefix("local:") ? String(location.dropFirst("local:".count)) : location
    guard !folder.isEmpty else { throw HelperError("local: needs a folder, like restic::local:/srv/vault") }
    let path = Self.absolute(FilePath(folder))
    text = "local:\(path)"
    localPath = path
  }

  /// `host` and `path` as git's credential helpers know the repository: `localhost` and the folder for one of this machine.
  var credentialPlace: (host: String, path: String) {
    if let localPath { return ("localhost", Self.withoutSlashes(localPath.string)) }
    var rest = text[...]
    if let colon = rest.firstIndex(of: ":") { rest = rest[rest.index(after: colon)...] }
    if let slashes = rest.range(ofSlashes: ()) { rest = rest[slashes...] }
    let host = rest.prefix { $0 != "/" }
    // sftp:user@host:/path
    let name = host.split(separator: "@").last ?? host
    if let colon = name.firstIndex(of: ":"), name[name.index(after: colon)...].contains(where: { !$0.isNumber }) {
      return (
        String(name[..<colon]), Self.withoutSlashes(String(name[name.index(after: colon)...] + rest[host.endIndex...]))
      )
    }
    let plain = name.hasSuffix(":") ? name.dropLast() : name
    return (plain.isEmpty ? "localhost" : String(plain), Self.withoutSlashes(String(rest[host.endIndex...])))
  }

  private static func withoutSlashes(_ path: String) -> String {
    String(path.drop { $0 == "/" })
  }

  private static func absolute(_ path: FilePath) -> FilePath {
    guard path.isRelative, let text = getcwd(nil, 0) else { return path.lexicallyNormalized() }
    defer { free(text) }
    return FilePath(platformString: text).pushing(path).lexicallyNormalized()
  }
}

extension Substring {
  /// Where what follows `//` begins.
  fileprivate func range(ofSlashes: Void) -> Index? {
    var previous: Character?
    for index in indices {
      if self[index] == "/", previous == "/" { return self.index(after: index) }
      previous = self[index]
    }
    return nil
  }
}
