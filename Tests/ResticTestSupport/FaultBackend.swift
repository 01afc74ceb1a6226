public import ResticCore
import Synchronization

/// Passes calls on to another backend, counts them, and makes those fail that a test has chosen.
///
/// For crash points: `FaultBackend.dying(afterCalls: k, …)` for every k from 0 up to the `callCount` of a run without
/// faults. `onlyWrites` counts (and so kills at) the calls that change something, which is where crashes differ.
public final class FaultBackend: Backend {
  /// How a call fails.
  public enum Fault: Hashable, Sendable {
    /// Nothing is done.
    case nothingDone(BackendError)
    /// The call is carried out, and then the answer is lost.
    case answerLost(BackendError)
  }

  /// The error of a dead backend. No retry overcomes it, so that tests end soon.
  public static let death = BackendError.denied("the backend is dead")
  /// The error of a call that fails once: a retryable one.
  public static let hiccup = BackendError.unavailable("the backend hiccuped")

  private let base: any Backend
  private let pause: @Sendable (BackendCall) async -> Void
  private let fault: @Sendable (BackendCall) -> Fault?
  private let recorded = Mutex<[BackendCall]>([])

  /// `base`, whose calls fail as `fault` says; nil lets a call pass.
  public convenience init(_ base: any Backend, fault: @escaping @Sendable (BackendCall) -> Fault? = { _ in nil }) {
    self.init(base, pause: { _ in }, fault: fault)
  }

  /// As above, and each call waits for `pause` before anything else.
  public init(
    _ base: any Backend, pause: @escaping @Sendable (BackendCall) async -> Void,
    fault: @escaping @Sendable (BackendCall) -> Fault?
  ) {
    self.base = base
    self.pause = pause
    self.fault = fault
  }

  /// `base`, that dies after `count` calls: every later one fails with `error`. With `losingAnswer` the first of these is
  /// still done. With `onlyWrites` only calls that change something are counted, though all fail once it is dead.
  public static func dying(
    _ base: any Backend, afterCalls count: Int, losingAnswer: Bool = false, onlyWrites: Bool = false,
    error: BackendError = death
  ) -> FaultBackend {
    let passed = Mutex(0)
    return FaultBackend(base) { call in
      passed.withLock { passed in
        if passed > count { return .nothingDone(error) }
        if onlyWrites && !call.isWrite {
          return nil
        }
        passed += 1
        guard passed > count else { return nil }
        return losingAnswer ? .answerLost(error) : .nothingDone(error)
      }
    }
  }

  /// `base`, whose call number `number` (from 1) fails, and no other.
  public static func failing(
    _ base: any Backend, call number: Int, with fault: Fault = .nothingDone(hiccup)
  ) -> FaultBackend {
    FaultBackend(base) { $0.number == number ? fault : nil }
  }

  /// The decorated backend's description.
  public var description: String { base.description }
  /// Whether the decorated backend is distant.
  public var isDistant: Bool { base.isDistant }

  /// Every call so far, failed ones included.
  public var calls: [BackendCall] { recorded.withLock { $0 } }

  /// How many calls there were so far, failed ones included.
  public var callCount: Int { recorded.withLock { $0.count } }

  /// Creates, unless this call is to fail.
  public func create() async throws(BackendError) {
    try await pass(.create) { () async throws(BackendError) in try await base.create() }
  }

  /// Saves, unless this call is to fail; some faults fail after the file was stored.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await pass(.save, file) { () async throws(BackendError) in try await base.save(file, bytes) }
  }

  /// Loads, unless this call is to fail.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await pass(.load, file) { () async throws(BackendError) in try await base.load(file, range: range) }
  }

  /// Asks for the size, unless this call is to fail.
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await pass(.byteCount, file) { () async throws(BackendError) in try await base.byteCount(of: file) }
  }

  /// Lists, unless this call is to fail.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await pass(.list, type: type) { () async throws(BackendError) in try await base.list(type) }
  }

  /// Removes, unless this call is to fail.
  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await pass(.remove, file) { () async throws(BackendError) in try await base.remove(file) }
  }

  /// Asks for the free space, unless this call is to fail.
  public func capacity() async throws(BackendError) -> StorageCapacity? {
    try await pass(.capacity) { () async throws(BackendError) in try await base.capacity() }
  }

  /// The decorated backend's answer; never a fault.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    await base.listingsAreImmediate(of: type)
  }

  private func pass<Success>(
    _ operation: BackendCall.Operation, _ file: BackendFile? = nil, type: BackendFileType? = nil,
    _ call: () async throws(BackendError) -> Success
  ) async throws(BackendError) -> Success {
    let seen = recorded.withLock { calls in
      let seen = BackendCall(operation: operation, file: file, type: type ?? file?.type, number: calls.count + 1)
      calls.append(seen)
      return seen
    }
    await pause(seen)
    switch fault(seen) {
    case nil:
      return try await call()
    case .nothingDone(let error):
      throw error
    case .answerLost(let error):
      _ = try await call()
      throw error
    }
  }
}
