import Foundation
public import SystemPackage

/// What tests need and no package of the distribution has; `scripts/bootstrap --test` puts it into the build folder.
public enum TestTools {
  /// They are not there.
  public struct Missing: Error, CustomStringConvertible {
    public let description = "no test-tools in the build folder: run scripts/bootstrap --test"
  }

  /// `test-tools` in the folder `.build` that this program was built in.
  public static func folder() throws -> FilePath {
    var folder = FilePath(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    while folder.removeLastComponent() {
      let tools = folder.appending("test-tools")
      if FileManager.default.fileExists(atPath: tools.string) { return tools }
    }
    throw Missing()
  }
}
