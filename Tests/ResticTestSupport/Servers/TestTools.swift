import Foundation
public import SystemPackage

/// Tools that no package of the distribution has; `scripts/bootstrap --test` puts them into the build folder.
public enum TestTools {
  /// The tools are not there.
  public struct Missing: Error, CustomStringConvertible {
    let name: String
    /// Which tools are missing, and the command that installs them.
    public var description: String {
      "no \(name) in the build folder: run scripts/bootstrap \(name == "swift-tools" ? "--slow" : "--test")"
    }
  }

  /// `name` in the folder `.build` that this program was built in.
  public static func folder(_ name: String = "test-tools") throws -> FilePath {
    var folder = FilePath(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    while folder.removeLastComponent() {
      let tools = folder.appending(name)
      if FileManager.default.fileExists(atPath: tools.string) { return tools }
    }
    throw Missing(name: name)
  }
}
