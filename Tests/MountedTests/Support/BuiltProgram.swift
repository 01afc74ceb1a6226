import Foundation
import SystemPackage

/// The program under test: a file that was built, never code of this process.
enum BuiltProgram {
  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  /// As /proc names it: `$RESTIC_GITFS_BINARY`, else `restic-gitfs` in the build folder, beside the test bundle.
  static func path() throws -> FilePath {
    if let named = ProcessInfo.processInfo.environment["RESTIC_GITFS_BINARY"] { return try executable(FilePath(named)) }
    return try executable(buildFolder().appending("restic-gitfs"))
  }

  /// Where the test bundle is.
  static func buildFolder() throws -> FilePath {
    FilePath(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")).removingLastComponent()
  }

  private static func executable(_ path: FilePath) throws -> FilePath {
    guard FileManager.default.isExecutableFile(atPath: path.string) else {
      throw Missing(description: "\(path) is missing: build it, or name another in RESTIC_GITFS_BINARY")
    }
    return FilePath(URL(fileURLWithPath: path.string).resolvingSymlinksInPath().path)
  }
}
