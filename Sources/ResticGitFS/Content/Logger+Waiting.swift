import Logging
import ResticCore
import SystemPackage

extension Logger {
  /// Waits for `body` on one of FUSE's threads; the only place that converts a repository's errors to the kernel's.
  /// Logs `operation` and `inode` with the whole cause, which `failed` gets too.
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
