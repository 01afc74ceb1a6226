public import SystemPackage

/// How `FuseSession.run` ended. In every case the mount is gone.
public enum FuseSessionEnd: Hashable, Sendable {
  /// The mount was unmounted (`fusermount3 -u`, umount, `FuseSession.unmount`), or the connection was aborted.
  case unmounted
  /// `FuseSession.requestExit` was called.
  case exitRequested
  /// libfuse could not continue: it had no thread or no memory, or the device failed.
  case failed(Errno)
}
