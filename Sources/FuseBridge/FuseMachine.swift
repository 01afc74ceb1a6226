internal import Glibc
public import SystemPackage

/// What this machine offers for mounts; for a check before a mount is tried.
public struct FuseMachine: Hashable, Sendable {
  /// Whether there is a /dev/fuse.
  public var hasDevice: Bool
  /// Why /dev/fuse cannot be opened; nil if it can.
  public var deviceError: Errno?
  /// Whether this process runs as root, and so needs no fusermount3.
  public var isRoot: Bool
  /// The fusermount3 that libfuse would start; nil if there is none.
  public var helper: FilePath?
  /// Whether that program runs with root's rights.
  public var helperIsPrivileged: Bool
  /// Whether /etc/fuse.conf allows `allow_other` to ordinary users.
  public var allowsOther: Bool

  /// Examines the machine. Changes nothing: opening the device without mounting has no effect.
  public static func look() -> FuseMachine {
    let hasDevice = access(FuseMountObstacle.device, F_OK) == 0
    let descriptor = open(FuseMountObstacle.device, O_RDWR | O_CLOEXEC)
    let deviceError = descriptor < 0 ? Errno(rawValue: errno) : nil
    if descriptor >= 0 { close(descriptor) }
    let helper = FuseMountObstacle.program(FuseMountObstacle.helper)
    return FuseMachine(
      hasDevice: hasDevice, deviceError: deviceError, isRoot: geteuid() == 0, helper: helper,
      helperIsPrivileged: helper.map(FuseMountObstacle.isPrivileged) ?? false,
      allowsOther: FuseMountObstacle.configurationAllowsOther())
  }
}
