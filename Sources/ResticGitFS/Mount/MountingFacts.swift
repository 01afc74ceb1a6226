import FuseBridge
import SystemPackage

/// What this machine offers for mounts, in this program's types.
struct MountingFacts: Hashable, Sendable {
  /// Whether there is a /dev/fuse.
  var hasDevice = true
  /// Why /dev/fuse cannot be opened; nil if it can.
  var deviceError: Errno?
  /// Whether this process runs as root.
  var isRoot = false
  /// The fusermount3 that would be started; nil if there is none.
  var helper: FilePath?
  /// Whether that program runs with root's rights.
  var helperIsPrivileged = false
  /// Whether /etc/fuse.conf allows --allow-other to ordinary users.
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
