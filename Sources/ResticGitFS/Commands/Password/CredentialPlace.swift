import ResticCore
import SystemPackage

/// The location of a repository in requests to git's credential helpers: `localhost` and the folder for a repository on
/// this machine, host and path on a server, with the user on an SSH server, `rclone` and the remote for rclone.
struct CredentialPlace: Hashable, Sendable, CustomStringConvertible {
  private let host: String
  private let path: String

  /// The place of the repository at `location`; nil for a path that git's protocol cannot express.
  init?(_ location: BackendLocation) {
    switch location {
    case .local(let folder):
      host = "localhost"
      path = String(folder.lexicallyNormalized().string.drop { $0 == "/" })
    case .rclone(let location):
      host = "rclone"
      path = String(location.description.dropFirst("rclone:".count))
    case .rest(let server) where server.origin.scheme == .unixSocket:
      host = "localhost"
      path = String((server.origin.authority + server.path).drop { $0 == "/" })
    case .rest(let server):
      host = server.origin.authority
      path = String(server.path.drop { $0 == "/" })
    case .s3(let server):
      host = server.origin.authority
      path = "\(server.bucket)/\(server.keyBase)"
    case .sftp(let server):
      host = (server.user.map { "\($0)@" } ?? "") + server.authority
      // git drops leading slashes: a path relative to the home folder has to differ from an absolute one.
      path = server.path.hasPrefix("/") ? String(server.path.drop { $0 == "/" }) : "~/\(server.path)"
    }
    guard !path.utf8.contains(UInt8(ascii: "\n")) else { return nil }
  }

  /// The lines that `git credential` reads, each with its newline, without the password.
  var description: String { "protocol=restic\nhost=\(host)\npath=\(path)\nusername=restic\n" }
}
