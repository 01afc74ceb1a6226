public import SystemPackage

/// How `FuseSession.run` ended. In every case the mount is gone.
public enum FuseSessionEnd: Hashable, Sendable {
  /// Somebody unmounted it (`fusermount3 -u`, umount, `FuseSession.unmount`) or aborted the connection.
  case unmounted
  /// `FuseSession.requestExit` was called.
  case exitRequested
  /// libfuse could not go on: no thread, no memory, or the device failed.
  case failed(Errno)
}
