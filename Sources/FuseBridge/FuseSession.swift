internal import CFuse3
internal import Glibc
internal import Platform
public import SystemPackage

/// One mount of a file system, from the mount to its end.
///
/// Calling sequence:
///
///     let session = try FuseSession(fileSystem: tree, mountpoint: "/mnt/vault", options: options)   // mounted
///     // report readiness here; start what calls session.notifier or session.requestExit
///     let end = session.run()   // blocks this thread; afterwards there is no mount
///
/// Requests are answered on plain threads (`FuseLoop`), never on the Swift pool. After `run`, a new session may serve
/// the same file system. A session that is dropped without `run` unmounts.
public final class FuseSession: Sendable {
  private enum Phase {
    case mounted, running, ended
  }

  /// The absolute path of the mountpoint.
  public let mountpoint: FilePath
  /// Tells the kernel about changes that were not made through the mount.
  public let notifier: FuseNotifier

  private let server: FuseServer
  private let connection: FuseConnection
  private let phase = Locked(Phase.mounted)

  /// Mounts `fileSystem` at an existing directory. Requests wait until `run` is called.
  ///
  /// As root this calls mount(2); otherwise libfuse runs fusermount3. Requests are counted in `requests`.
  public init(
    fileSystem: any FuseFileSystem, mountpoint: FilePath, options: FuseMountOptions,
    requests: FuseRequestCounts = FuseRequestCounts()
  ) throws(FuseSessionError) {
    self.mountpoint = try Self.directory(mountpoint)
    server = FuseServer(fileSystem: fileSystem, options: options, requests: requests)
    connection = try FuseConnection(server: server, mountpoint: self.mountpoint, options: options)
    notifier = FuseNotifier(connection)
  }

  deinit {
    if phase.withLock({ $0 }) == .mounted { connection.close() }
  }

  /// Answers requests until the mount is gone or `requestExit` was called. Then unmounts if necessary, tells the file
  /// system (`connectionEnded`), and returns how the session ended. Blocks the calling thread. Call it once.
  public func run() -> FuseSessionEnd {
    phase.withLock { phase in
      precondition(phase == .mounted, "a session runs once")
      phase = .running
    }
    let end = connection.serve()
    connection.close()
    phase.withLock { $0 = .ended }
    server.fileSystem.connectionEnded()
    return end
  }

  /// Makes `run` end as soon as the requests under way are answered. May be called from any thread, also while
  /// answering a request.
  ///
  /// The mount goes away even if it is in use: its users get ENOTCONN, and data that they wrote but neither closed nor
  /// synced may be lost. Call `unmount` first to avoid that.
  public func requestExit() {
    connection.requestExit()
  }

  /// Unmounts as `fusermount3 -u` does; `run` then returns `.unmounted`. Call it from any thread that is not answering
  /// a request. Does nothing if the mount is already gone.
  ///
  /// - Throws: EBUSY when a file or directory in it is in use.
  public func unmount() throws(Errno) {
    let failure = connection.use { _ -> Unmounting.Failure? in
      do throws(Unmounting.Failure) {
        try Unmounting.unmount(mountpoint)
        return nil
      } catch {
        return error
      }
    }
    // EINVAL: nothing is mounted there.
    guard let failure, let failure, failure.error != .invalidArgument else { return }
    throw failure.error ?? .resourceBusy
  }

  /// The absolute path of an existing directory.
  private static func directory(_ path: FilePath) throws(FuseSessionError) -> FilePath {
    guard let resolved = path.withPlatformString({ realpath($0, nil) }) else {
      throw .badMountpoint(path, Errno(rawValue: errno))
    }
    defer { free(resolved) }
    var status = stat()
    guard stat(resolved, &status) == 0 else { throw .badMountpoint(path, Errno(rawValue: errno)) }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .badMountpoint(path, .notDirectory) }
    return FilePath(platformString: resolved)
  }
}
