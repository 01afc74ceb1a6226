import CZstd

/// Idle libzstd contexts of one kind, so that a call need not build tables of some MiB again.
///
/// A context is in the pool or with one caller, never both. At most `capacity` idle contexts are kept; others are freed
/// on return, so a burst of threads leaves no memory behind. The mutex is a leaf lock.
final class ZstdContextPool: Sendable {
  private let idle = Locked(IdleContexts())
  private let capacity: Int
  private let make: @Sendable () -> OpaquePointer?
  private let free: @Sendable (OpaquePointer) -> Void

  /// A pool that keeps at most `capacity` idle contexts, made by `make` and freed by `free`.
  init(
    capacity: Int, make: @escaping @Sendable () -> OpaquePointer?, free: @escaping @Sendable (OpaquePointer) -> Void
  ) {
    self.capacity = capacity
    self.make = make
    self.free = free
  }

  deinit {
    idle.withLock { $0.contexts.forEach(free) }
  }

  /// Lends a context for the duration of `body`.
  func withContext<Result>(_ body: (OpaquePointer) -> Result) -> Result {
    let context = take()
    defer { giveBack(context) }
    return body(context)
  }

  /// How many contexts wait in the pool.
  var idleCount: Int {
    idle.withLock { $0.contexts.count }
  }

  private func take() -> OpaquePointer {
    if let context = idle.withLock({ SendablePointer($0.contexts.popLast()) }).pointer { return context }
    guard let context = make() else { preconditionFailure("no memory for a zstd context") }
    return context
  }

  private func giveBack(_ context: OpaquePointer) {
    let returned = SendablePointer(context)
    let isKept = idle.withLock { idle in
      guard idle.contexts.count < capacity, let context = returned.pointer else { return false }
      idle.contexts.append(context)
      return true
    }
    if !isKept { free(context) }
  }

  /// What the mutex protects; libzstd's contexts may move between threads.
  private struct IdleContexts: @unchecked Sendable {
    var contexts: [OpaquePointer] = []
  }

  /// A context on its way into or out of the mutex.
  private struct SendablePointer: @unchecked Sendable {
    let pointer: OpaquePointer?
    init(_ pointer: OpaquePointer?) { self.pointer = pointer }
  }
}
