import Glibc
import SystemPackage

/// The file of `--metrics-file`.
enum MetricsFile {
  /// `path` made absolute, if a file can be put there. node_exporter reads files whose name ends with `.prom` only, and no
  /// others; that is for its user to know.
  static func checked(_ path: String) throws(CommandError) -> FilePath {
    let absolute = FilePath(path).absolute()
    guard let name = absolute.lastComponent, !path.hasSuffix("/") else {
      throw CommandError(
        "--metrics-file: '\(path)' is not a file name; give one, for example /var/lib/node_exporter/vault.prom")
    }
    let folder = absolute.removingLastComponent()
    guard folder.withPlatformString({ access($0, W_OK | X_OK) }) == 0 else {
      throw CommandError(
        "--metrics-file: \(name) cannot be written in \(folder): \(Errno(rawValue: errno)); choose a folder that you can write to"
      )
    }
    return absolute
  }
}
