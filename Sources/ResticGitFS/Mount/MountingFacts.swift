import FuseBridge
import SystemPackage

/// What this machine has for mounts, in words of this program.
struct MountingFacts: Hashable, Sendable {
  /// Whether there is a /dev/fuse.
  var hasDevice = true
  /// Why /dev/fuse cannot be opened; nil if it can.
  var deviceError: Errno?
  /// Whether this process is root's.
  var isRoot = false
  /// The fusermount3 that would be started; nil if there is none.
  var helper: FilePath?
  /// Whether that program runs as root.
  var helperIsPrivileged = false
  /// Whether /etc/fuse.conf lets ordinary users have --allow-other.
  var allowsOther = false
}

extension MountingFacts {
  /// The machine as it is now.
  static func current() -> MountingFacts {
    let machine = FuseMachine.look()
    return MountingFacts(
      hasDevice: machine.hasDevice, deviceError: machine.deviceError, isRoot: machine.isRoot, helper: machine.helper,
      helperIsPrivileged: machine.helperIsPrivileged, allowsOther: machine.allowsOther)
  }
}
