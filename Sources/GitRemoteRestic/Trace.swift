import Glibc
import MessageText
import SystemPackage

/// RESTIC_GITFS_TRACE: lines about what the helper does, as GIT_TRACE is for git.
///
/// `1`, `2` and `true` write to standard error, an absolute path appends to that file; anything else is silent.
struct Trace: Sendable {
  private let descriptor: FileDescriptor?
  private let start = ContinuousClock.now

  /// As `environment` asks for.
  init(_ environment: ProcessEnvironment) {
    switch environment["RESTIC_GITFS_TRACE"] {
    case "1", "2", "true":
      descriptor = .standardError
    case let path? where path.hasPrefix("/"):
      // A trace that cannot be written is no reason not to work.
      descriptor = try? FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
    default:
      descriptor = nil
    }
  }

  /// Writes `text` with the seconds since the start, if somebody wants it.
  func write(_ text: @autoclosure () -> String) {
    guard let descriptor else { return }
    let passed = start.duration(to: .now).components
    let milliseconds = passed.seconds * 1000 + passed.attoseconds / 1_000_000_000_000_000
    // A trace that cannot be written is no reason not to work.
    _ = try? descriptor.writeAll(Array("restic-gitfs trace \(getpid()) \(milliseconds) ms: \(text().printable)\n".utf8))
  }
}
