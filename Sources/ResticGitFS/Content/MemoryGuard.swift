import CLinux
import ResticCore
import SystemPackage

/// Refuses what would take more memory while the process may hardly take any: what is left is for the commit that makes room.
///
/// The budget bounds the bytes that are written. Names and attributes of files are bounded by nothing but this. Thread-safe;
/// `state` is a leaf lock.
final class MemoryGuard: Sendable {
  private struct State {
    var callsUntilLook = 0
    var isLow = false
  }

  /// This much is kept for a commit: trees are put together in it.
  private static let reserve = 32 << 20
  /// Every so many calls the process is looked at, which takes some system calls.
  private static let interval = 64

  private let isLimited: Bool
  private let room: @Sendable () -> Int?
  private let state = Locked(State())

  /// A guard of a process that may take `room` more bytes. Where that is nil at first there is no limit, and nothing to do.
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

  /// Whether it is short although nothing is kept to be used again.
  private var isShortWithoutIdle: Bool {
    BufferPool.shared.trim()
    malloc_trim(0)
    return isShort
  }
}
