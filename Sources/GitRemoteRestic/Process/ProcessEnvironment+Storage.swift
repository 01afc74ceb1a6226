extension ProcessEnvironment {
  /// What names of variables begin with that say where a storage is, or how it is reached.
  private static let storagePrefixes = ["RESTIC_", "RCLONE_", "AWS_", "MINIO_"]
  /// Where configuration files, caches and the record of the snapshots that were seen are.
  private static let folders: Set<String> = ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"]
  /// How servers are reached; in small letters as well. Source: `ProxyRules`.
  private static let proxies: Set<String> = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]

  /// `NAME=value` of every variable that a mount's repository may depend on, sorted. With other values the same location may be
  /// another repository: `rclone:backup:vault` is what rclone's configuration says, and that depends on `HOME` and `RCLONE_CONFIG`.
  ///
  /// Passwords, and what says where to tell what happens, are left out.
  var storageWords: [String] {
    values.filter { Self.isOfStorage($0.key) }.map { "\($0.key)=\($0.value)" }.sorted()
  }

  private static func isOfStorage(_ name: String) -> Bool {
    if folders.contains(name) || proxies.contains(name.uppercased()) { return true }
    guard storagePrefixes.contains(where: name.hasPrefix), !isSecret(name) else { return false }
    return !name.hasPrefix("RESTIC_REPOSITORY") && !name.hasPrefix("RESTIC_GITFS_TRACE")
  }

  /// Whether the variable holds a secret, or says where a password comes from.
  private static func isSecret(_ name: String) -> Bool {
    name.contains("PASS") || !name.hasSuffix("_FILE") && (name.contains("SECRET") || name.contains("TOKEN"))
  }
}
