import Logging
import ResticCore
import SystemPackage

extension Logger {
  /// Waits for `body` on one of FUSE's threads; the one place where a repository's errors become the kernel's. `operation` and
  /// `inode` go into the log with the whole cause, which `failed` is told.
  func waiting<Success: Sendable>(
    for operation: StaticString, of inode: InodeNumber, _ body: @escaping @Sendable () async throws -> Success,
    failed: (any Error) -> Void = { _ in }
  ) throws(Errno) -> Success {
    do {
      return try blocking(body)
    } catch Errno.interrupted {
      throw .interrupted
    } catch {
      self.error("\(operation) of inode \(inode): \(error)")
      failed(error)
      throw Errno(cause: error)
    }
  }
}
