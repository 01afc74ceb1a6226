/// Kinds of storage of restic that are reached through rclone: rclone's names for them, and the credentials that it
/// asks for.
struct RcloneType: Hashable, Sendable {
  /// rclone's name for it, which `rclone config` asks for.
  let name: String
  /// The variables with the credentials that restic uses.
  let credentials: String

  /// By restic's scheme.
  /// Source: rclone's documentation of each.
  static let byScheme = [
    "azure": RcloneType(name: "azureblob", credentials: "AZURE_ACCOUNT_NAME and AZURE_ACCOUNT_KEY hold"),
    "b2": RcloneType(name: "b2", credentials: "B2_ACCOUNT_ID and B2_ACCOUNT_KEY hold"),
    "gs": RcloneType(
      name: "google cloud storage", credentials: "the file that GOOGLE_APPLICATION_CREDENTIALS names holds"),
    "swift": RcloneType(name: "swift", credentials: "the variables OS_… hold; with env_auth it reads them itself"),
  ]

  /// What to use instead of a location that begins with `scheme`.
  func advice(for scheme: String) -> String {
    """
    \(scheme): repositories are reached through rclone: use rclone:REMOTE:BUCKET/PATH, where REMOTE is of the type \
    "\(name)", made by "rclone config", which asks for what \(credentials)
    """
  }
}
