import FoundationEssentials
import ResticCore
import SystemPackage

/// Writes every change of a mount's tree into a file, a line each, for whoever wants to know what a mount does: the time, the
/// inode that the change is about, and the change as Swift source.
///
/// The file has the names of files in it, and nothing of what is in them.
final class ChangeTrace: ChangeObserver {
  private let file: FileDescriptor

  /// A trace at the end of the file at `path`, which only its owner may read.
  init(appendingTo path: FilePath) throws(Errno) {
    do {
      file = try FileDescriptor.open(
        path, .writeOnly, options: [.append, .create, .closeOnExec, .noFollow], permissions: [.ownerRead, .ownerWrite])
    } catch {
      throw error as? Errno ?? .ioError
    }
  }

  deinit {
    try? file.close()
  }

  func applied(_ change: TreeChange, to inode: InodeNumber, at time: Timestamp) {
    // A trace that can't be written is no reason to refuse the change.
    _ = try? file.writeAll("\(time.rfc3339) \(inode) \(change)\n".utf8)
  }
}
