internal import Glibc
public import SystemPackage

/// Finds a program by its name.
public enum ProgramSearch {
  /// The file that `program` names: a path, or a name that is looked up in PATH; nil if there is no such file that can
  /// be run. Only absolute folders of PATH count: a file in the working directory is run only if its path says so
  /// (`./rclone`).
  public static func find(_ program: String) -> FilePath? {
    guard !program.contains("/") else { return canRun(program) ? FilePath(program) : nil }
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    let places = path.split(separator: ":").filter { $0.hasPrefix("/") }
    return places.lazy.map { "\($0)/\(program)" }.first(where: canRun).map { FilePath($0) }
  }

  private static func canRun(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }
}
