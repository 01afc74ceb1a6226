/// The place of a repository on the server behind a transport, and the names of both in messages, without secrets.
struct RESTPlace: Hashable, Sendable {
  /// The repository as a person writes it.
  let description: String
  /// The server: `https://nas:8000`.
  let server: String
  /// The repository's path, as it is sent: begins and ends with a slash.
  let path: String
  /// The message if the server requires or refuses credentials: what is wrong and what to change.
  let unknownUser: String
  /// The message if the user lacks a permission.
  let forbidden: String

  /// A place on a server in the network.
  init(_ location: RESTLocation) {
    description = location.description
    server = "\(location.origin)"
    path = location.path
    let user = location.credentials.map { "the user \"\($0.user)\"" }
    let reason = user.map { "\($0) or the password is wrong" } ?? "the server asks for a user and a password"
    unknownUser = "\(reason); give them in the URL or as RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD"
    forbidden = "\(user ?? "a client without a user") may not do that at \(path)"
  }

  /// A place that rclone serves.
  init(_ location: RcloneLocation) {
    description = location.description
    server = "rclone"
    path = "/"
    unknownUser = "rclone serve restic must not ask for a user here; check rclone.args and the variables RCLONE_"
    forbidden = "the remote's user may not do that"
  }
}
