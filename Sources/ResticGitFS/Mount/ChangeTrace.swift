import FoundationEssentials
import Platform
import ResticCore
import SystemPackage

/// RESTIC_GITFS_TRACE: writes a line for every change of a mount's tree, as GIT_TRACE does for git. A line has the
/// time, the inode of the change, and the change as Swift source: names, but no file content.
final class ChangeTrace: ChangeObserver {
  private let target: FileDescriptor

  /// A trace for the variable's `value`: `1`, `2` and `true` write to standard error, an absolute path appends to that
  /// file; nil for anything else.
  init?(_ value: String?) {
    switch value {
    case "1", "2", "true":
      target = .standardError
    case let path? where path.hasPrefix("/"):
      // Failing to write a trace is no reason to stop.
      guard
        let file = try? FileDescriptor.open(
          FilePath(path), .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
      else { return nil }
      target = file
    default:
      return nil
    }
  }

  deinit {
    if target != .standardError { target.closeQuietly() }
  }

  func applied(_ change: TreeChange, to inode: InodeNumber, at time: Timestamp) {
    // A trace that cannot be written is no reason not to work.
    _ = try? target.writeAll("\(time.rfc3339) \(inode) \(change)\n".utf8)
  }
}
