import Foundation
import Glibc
public import SystemPackage

/// A folder of its own for one test, removed with everything in it when the last reference goes.
public final class TemporaryDirectory: Sendable {
  /// The folder: absolute, mode 0700.
  public let path: FilePath

  /// A new folder in `$TMPDIR` or `/tmp`. Throws `Errno`.
  public init(prefix: String = "restic-gitfs-test") throws {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    var template = Array("\(parent)/\(prefix)-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { FilePath(platformString: $0) }
    }
    guard let made else { throw Errno(rawValue: errno) }
    path = made
  }

  deinit {
    do {
      try FileManager.default.removeItem(atPath: path.string)
    } catch {
      FileHandle.standardError.write(Data("could not remove \(path.string): \(error)\n".utf8))
    }
  }
}
