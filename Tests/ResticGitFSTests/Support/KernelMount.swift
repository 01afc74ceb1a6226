import FuseBridge
import Platform
import ResticTestSupport
import SystemPackage

@testable import ResticGitFS

/// A test mount in the kernel, for tests of the kernel's cache.
///
/// Only other processes may look into it: this one serves it.
enum KernelMount {
  /// Calls `body` with the mountpoint of `mount`, and with the notifier that tells the kernel about changes.
  static func with(
    _ mount: TestMount, _ body: (_ path: FilePath, _ notifier: FuseNotifier) async throws -> Void
  ) async throws {
    let directory = try TemporaryDirectory(prefix: "kernel")
    let session = try FuseSession(
      fileSystem: mount.fileSystem, mountpoint: directory.path, options: FuseMountOptions(fileSystemName: "test"))
    let (end, continuation) = AsyncStream.makeStream(of: Never.self)
    try PlainThread.start {
      _ = session.run()
      continuation.finish()
    }
    let result: Result<Void, any Error>
    do {
      try await body(directory.path, session.notifier)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    session.requestExit()
    for await _ in end {}
    try result.get()
  }
}
