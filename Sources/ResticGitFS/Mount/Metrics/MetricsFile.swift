import Glibc
import SystemPackage

/// The file of `--metrics-file`.
enum MetricsFile {
  /// `path` made absolute, if a file can be created there. node_exporter reads only files whose name ends with `.prom`;
  /// this is not checked, because other collectors may not.
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
