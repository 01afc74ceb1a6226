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
    var isNoting = false
    /// Whose creations are noted; nil: everybody's, until the program is there.
    var group: pid_t?
    var creations: [(creation: Creation, group: pid_t)] = []
  }

  private let state = Locked(State())

  /// From now on what is made is noted: a program may make its first file before `narrow` tells its process group.
  func begin() {
    state.withLock { $0 = State(isNoting: true) }
  }

  /// What others than the process group `group` make, or have made, does not count.
  func narrow(to group: pid_t) {
    state.withLock { state in
      state.group = group
      state.creations.removeAll { $0.group != group }
    }
  }

  /// Ends recording, and returns the record.
  func end() -> [Creation] {
    state.withLock { state in
      defer { state = State() }
      // Without a group no program has begun.
      return state.group == nil ? [] : state.creations.map(\.creation)
    }
  }

  /// Records that `caller` has created `name`.
  func note(_ name: Name, in directory: InodeNumber, by caller: FuseCaller) {
    let (isNoting, wanted) = state.withLock { ($0.isNoting, $0.group) }
    guard isNoting else { return }
    let group = caller.processID == wanted ? caller.processID : getpgid(caller.processID)
    guard group > 0, wanted == nil || group == wanted else { return }
    state.withLock { state in
      // The group may have become known meanwhile, or the program may have ended.
      guard state.isNoting, state.group == nil || state.group == group else { return }
      state.creations.append((Creation(name: name, directory: directory), group))
    }
  }
}
