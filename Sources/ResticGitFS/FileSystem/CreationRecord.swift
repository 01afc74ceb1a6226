import FuseBridge
import Glibc
import ResticCore

/// The files that one process group has created on the mount, by their original names.
///
/// After a program was killed, this tells which files it left behind, and which belong to others. `state` is a leaf
/// lock.
final class CreationRecord: Sendable {
  /// A name that was created.
  struct Creation: Hashable, Sendable {
    let name: Name
    let directory: InodeNumber
  }

  private struct State {
    var group: pid_t = 0
    var creations: [Creation] = []
  }

  private let state = Locked(State())

  /// From now on what the process group `group` makes is noted.
  func begin(_ group: pid_t) {
    state.withLock { $0.group = group }
  }

  /// Ends recording, and returns the record.
  func end() -> [Creation] {
    state.withLock { state in
      defer { state = State() }
      return state.creations
    }
  }

  /// Records that `caller` has created `name`.
  func note(_ name: Name, in directory: InodeNumber, by caller: FuseCaller) {
    let group = state.withLock { $0.group }
    guard group > 0, caller.processID == group || getpgid(caller.processID) == group else { return }
    state.withLock { $0.creations.append(Creation(name: name, directory: directory)) }
  }
}
