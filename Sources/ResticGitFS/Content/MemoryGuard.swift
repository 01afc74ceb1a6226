import CLinux
import ResticCore
import SystemPackage

/// Refuses requests that need more memory while the process may take hardly any: the rest is for the commit that frees
/// memory.
///
/// The budget limits the bytes that are written. Only this guard limits names and attributes of files. Thread-safe;
/// `state` is a leaf lock.
final class MemoryGuard: Sendable {
  private struct State {
    var callsUntilLook = 0
    var isLow = false
  }

  /// The memory reserved for a commit, which assembles trees.
  private static let reserve = 32 << 20
  /// How often, in calls, the process's memory is checked, which takes some system calls.
  private static let interval = 64

  private let isLimited: Bool
  private let room: @Sendable () -> Int?
  private let state = Locked(State())

  /// A guard of a process that may take `room` more bytes. If that is nil at first, there is no limit, and the guard
  /// does nothing.
  init(room: @escaping @Sendable () -> Int? = { MemoryRoom.byteCount() }) {
    self.room = room
    isLimited = room() != nil
  }

  /// Throws ENOMEM while hardly any memory is left.
  func require() throws(Errno) {
    guard isLimited else { return }
    let isDue = state.withLock { state in
      state.callsUntilLook -= 1
      guard state.callsUntilLook < 0 || state.isLow else { return false }
      state.callsUntilLook = Self.interval
      return true
    }
    if isDue {
      let isLow = isShort && isShortWithoutIdle
      state.withLock { $0.isLow = isLow }
    }
    if state.withLock({ $0.isLow }) || !BufferPool.shared.hasRoom { throw .noMemory }
  }

  private var isShort: Bool { room().map { $0 < Self.reserve } ?? false }

  /// Whether memory is short even after idle buffers are returned.
  private var isShortWithoutIdle: Bool {
    BufferPool.shared.trim()
    malloc_trim(0)
    return isShort
  }
}
