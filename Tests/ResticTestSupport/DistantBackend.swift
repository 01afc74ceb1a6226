public import ResticCore
import Synchronization

/// Another backend at the end of a network: each call takes a round trip, so that callers make several calls at once.
public final class DistantBackend: Backend {
  private let base: any Backend
  private let roundTrip: Duration
  private let isImmediate: Bool
  private let start = ContinuousClock.now
  private let recorded = Mutex<[RequestRounds.Exchange]>([])

  /// `base`, a `roundTrip` away. `isImmediate`: its listings show whatever was saved before.
  public init(_ base: any Backend, roundTrip: Duration = .milliseconds(10), isImmediate: Bool = true) {
    self.base = base
    self.roundTrip = roundTrip
    self.isImmediate = isImmediate
  }

  /// The decorated backend's description.
  public var description: String { base.description }
  /// True: the delay stands for a network.
  public let isDistant = true

  /// The calls so far, by their beginnings: `save index`, `load config`.
  public var exchanges: [RequestRounds.Exchange] { RequestRounds(recorded.withLock { $0 }).exchanges }

  /// Creates after the delay; recorded as an exchange.
  public func create() async throws(BackendError) {
    try await travelling("create") { () async throws(BackendError) in try await base.create() }
  }

  /// Saves after the delay; recorded as an exchange.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try await travelling("save \(file.type.rawValue)") { () async throws(BackendError) in
      try await base.save(file, bytes)
    }
  }

  /// Loads after the delay; recorded as an exchange.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await travelling("load \(file.type.rawValue)") { () async throws(BackendError) in
      try await base.load(file, range: range)
    }
  }

  /// Asks for the size after the delay; recorded as an exchange.
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await travelling("stat \(file.type.rawValue)") { () async throws(BackendError) in
      try await base.byteCount(of: file)
    }
  }

  /// Lists after the delay; recorded as an exchange.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try await travelling("list \(type.rawValue)") { () async throws(BackendError) in try await base.list(type) }
  }

  /// Removes after the delay; recorded as an exchange.
  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await travelling("remove \(file.type.rawValue)") { () async throws(BackendError) in try await base.remove(file)
    }
  }

  /// Asks for the free space after the delay; recorded as an exchange.
  public func capacity() async throws(BackendError) -> StorageCapacity? {
    try await travelling("capacity") { () async throws(BackendError) in try await base.capacity() }
  }

  /// The test's choice.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool { isImmediate }

  /// Half of the round trip before the call, and half after it. A cancelled task does not wait, and still makes the call.
  private func travelling<Success>(
    _ name: String, _ call: () async throws(BackendError) -> Success
  ) async throws(BackendError) -> Success {
    let begin = start.duration(to: .now)
    try? await Task.sleep(for: roundTrip / 2)  // The way there.
    let result: Result<Success, BackendError>
    do throws(BackendError) {
      result = .success(try await call())
    } catch {
      result = .failure(error)
    }
    try? await Task.sleep(for: roundTrip / 2)  // The way back.
    let end = start.duration(to: .now)
    recorded.withLock { $0.append(RequestRounds.Exchange(name, begin: begin, end: end)) }
    return try result.get()
  }
}
