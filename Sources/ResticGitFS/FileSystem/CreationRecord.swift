import FuseBridge
import Glibc
import ResticCore

/// The files that one process group has made on the mount, by the names that they got then.
///
/// Of a program that was killed this tells what it has left behind, and what belongs to others. `state` is a leaf lock.
final class CreationRecord: Sendable {
  /// A name that was made.
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

  /// Notes nothing any more, and returns what was noted.
  func end() -> [Creation] {
    state.withLock { state in
      defer { state = State() }
      return state.creations
    }
  }

  /// `caller` has made `name`.
  func note(_ name: Name, in directory: InodeNumber, by caller: FuseCaller) {
    let group = state.withLock { $0.group }
    guard group > 0, caller.processID == group || getpgid(caller.processID) == group else { return }
    state.withLock { $0.creations.append(Creation(name: name, directory: directory)) }
  }
}
