import Glibc

/// Where tests make files and folders of their own.
enum TemporaryPath {
  /// A template for mkdtemp(3) and mkstemp(3), in `TMPDIR`.
  static func template(_ name: String) -> [CChar] {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
    return Array("\(folder)/restic-gitfs-\(name)-XXXXXX".utf8CString)
  }
}
