import FuseBridge
import Glibc
import Platform
import ResticTestSupport
import Synchronization
import SystemPackage
import Testing

/// A file system mounted at a private directory and served on a thread of its own.
final class Mount: Sendable {
  let session: FuseSession
  let path: FilePath
  private let end = Mutex<FuseSessionEnd?>(nil)

  /// Mounts and serves.
  init(_ fileSystem: any FuseFileSystem, options: FuseMountOptions = Mount.options) throws {
    var template = TemporaryPath.template("mount")
    guard let directory = mkdtemp(&template) else { throw Errno(rawValue: errno) }
    path = FilePath(platformString: directory)
    session = try FuseSession(fileSystem: fileSystem, mountpoint: path, options: options)
    try PlainThread.start { [self] in
      let result = session.run()
      end.withLock { $0 = result }
    }
  }

  static var options: FuseMountOptions { FuseMountOptions(fileSystemName: "restic:/srv/vault, \\odd") }

  /// How `run` ended, once it has.
  func waitForEnd() throws -> FuseSessionEnd {
    var result: FuseSessionEnd?
    try waitBlocking {
      result = end.withLock { $0 }
      return result != nil
    }
    guard let result else { throw Client.Failure(description: "the session did not end") }
    return result
  }

  /// This mount's line of /proc/self/mountinfo.
  var mountInformation: String? { Mount.lines(containing: path.string).first }

  /// All lines of /proc/self/mountinfo that contain `text`.
  static func lines(containing text: String) -> [String] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let descriptor = open("/proc/self/mountinfo", O_RDONLY)
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
    close(descriptor)
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init).filter { $0.contains(text) }
  }

  /// Runs `body` on a fresh mount, takes the mount off, and fails the test if it is left behind or if the kernel and the
  /// file system disagree on what is open.
  static func with(
    _ fileSystem: MemoryFileSystem, options: FuseMountOptions = Mount.options, _ body: (Mount) throws -> Void
  ) throws {
    let mount = try Mount(fileSystem, options: options)
    defer {
      mount.session.requestExit()
      #expect(throws: Never.self) { try mount.waitForEnd() }
      #expect(mount.mountInformation == nil, "a mount is left behind")
      #expect(rmdir(mount.path.string) == 0)
      #expect(fileSystem.violations == [])
      let held = fileSystem.heldByKernel
      #expect(held.lookups == 0 && held.handles == 0, "after the end the kernel holds nothing")
    }
    try body(mount)
  }
}
