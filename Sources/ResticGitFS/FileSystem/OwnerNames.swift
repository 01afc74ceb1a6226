import Glibc
import ResticCore

/// The names of users and groups, which restic stores beside the numbers. Caches lookups. Thread-safe.
final class OwnerNames: Sendable {
  private struct State {
    var users: [UInt32: String] = [:]
    var groups: [UInt32: String] = [:]
  }

  private let state = Locked(State())

  /// An owner with the names that the system knows.
  func named(_ id: FileOwner) -> NamedOwner {
    NamedOwner(id: id, user: user(id.userID), group: group(id.groupID))
  }

  /// The user's name; empty if the system knows none. Source: getpwuid_r(3).
  func user(_ id: UInt32) -> String {
    if let known = state.withLock({ $0.users[id] }) { return known }
    let name = Self.lookUp { buffer in
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      guard let text = buffer.baseAddress, getpwuid_r(id, &entry, text, buffer.count, &found) == 0, found != nil else {
        return nil
      }
      return Self.name(entry.pw_name)
    }
    state.withLock { $0.users[id] = name }
    return name
  }

  /// The group's name; empty if the system knows none. Source: getgrgid_r(3).
  func group(_ id: UInt32) -> String {
    if let known = state.withLock({ $0.groups[id] }) { return known }
    let name = Self.lookUp { buffer in
      var entry = Glibc.group()
      var found: UnsafeMutablePointer<Glibc.group>?
      guard let text = buffer.baseAddress, getgrgid_r(id, &entry, text, buffer.count, &found) == 0, found != nil else {
        return nil
      }
      return Self.name(entry.gr_name)
    }
    state.withLock { $0.groups[id] = name }
    return name
  }

  private static func name(_ text: UnsafeMutablePointer<CChar>?) -> String? {
    text.map { String(cString: $0) }
  }

  private static func lookUp(_ body: (UnsafeMutableBufferPointer<CChar>) -> String?) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 * 1024) { body($0) ?? "" }
  }
}
