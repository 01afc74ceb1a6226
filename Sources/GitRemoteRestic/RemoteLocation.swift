import Glibc
import ProcessPrivacy
import SystemPackage

/// Where the restic repository is: what stands behind `restic::`.
struct RemoteLocation: Hashable, Sendable, CustomStringConvertible {
  /// Schemes of restic that are not a folder.
  private static let schemes: Set<Substring> = ["s3", "sftp", "rest", "rclone", "b2", "gs", "azure", "swift"]

  /// As `restic-gitfs -r` and restic take it; a folder is absolute.
  let text: String

  /// For messages: without a password.
  var description: String { URLPassword.hidden(in: text) }

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
      return
    }
    let folder = location.hasPrefix("local:") ? String(location.dropFirst("local:".count)) : location
    guard !folder.isEmpty else { throw HelperError("local: needs a folder, like restic::local:/srv/vault") }
    text = "local:\(Self.absolute(FilePath(folder)))"
  }

  private static func absolute(_ path: FilePath) -> FilePath {
    guard path.isRelative, let text = getcwd(nil, 0) else { return path.lexicallyNormalized() }
    defer { free(text) }
    return FilePath(platformString: text).pushing(path).lexicallyNormalized()
  }
}
