public import ResticCore
import Synchronization

/// A repository in memory whose files a test can look at, change and take away. Keeps all rules of `Backend`.
public final class MemoryBackend: Backend {
  private struct State {
    var isCreated: Bool
    var files: [BackendFile: [UInt8]]
  }

  private let state: Mutex<State>

  /// `memory`: all instances have the same name.
  public let description = "memory"
  /// The test's choice.
  public let isDistant: Bool

  /// Nothing at all: there is no repository before `create`.
  ///
  /// With `isDistant` callers make several calls at once, as if each took a while.
  public init(isDistant: Bool = false) {
    self.isDistant = isDistant
    state = Mutex(State(isCreated: false, files: [:]))
  }

  /// A repository that holds `files`.
  public init(files: [BackendFile: [UInt8]], isDistant: Bool = false) {
    self.isDistant = isDistant
    state = Mutex(State(isCreated: true, files: files))
  }

  /// All files as they are now. A new `MemoryBackend(files:)` of them is a copy of the repository at this instant.
  public var files: [BackendFile: [UInt8]] { state.withLock { $0.files } }

  /// The bytes of `file`, nil if it is missing. Setting the bytes stands for a broken disk, or another program.
  public subscript(file: BackendFile) -> [UInt8]? {
    get { state.withLock { $0.files[file] } }
    set { state.withLock { $0.files[file] = newValue } }
  }

  /// Makes the backend a repository's place; may be called again.
  public func create() async throws(BackendError) {
    state.withLock { $0.isCreated = true }
  }

  /// Keeps a copy of `bytes`. Throws `.alreadyExists` for other bytes under the same name.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    try access { state throws(BackendError) in
      if let existing = state.files[file] {
        guard existing == bytes.array else { throw .alreadyExists(file) }
      } else {
        state.files[file] = bytes.array
      }
    }
  }

  /// A copy of the bytes in `range`; keeps the limits of rules 1 to 6, `.truncated` and `.tooLarge`.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try access { state throws(BackendError) in
      guard let bytes = state.files[file] else { throw .notFound(file) }
      guard let range else {
        guard bytes.count <= file.type.wholeByteLimit else { throw .tooLarge(file, byteCount: bytes.count) }
        return PooledBytes(copying: bytes)
      }
      guard range.upperBound <= bytes.count else { throw .truncated(file) }
      return PooledBytes(copying: Array(bytes[range]))
    }
  }

  /// The number of bytes, or `.notFound`.
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try access { state throws(BackendError) in
      guard let bytes = state.files[file] else { throw .notFound(file) }
      return bytes.count
    }
  }

  /// The files of `type`, unordered.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    try access { state throws(BackendError) in
      state.files.filter { $0.key.type == type }.map { BackendEntry(file: $0.key, byteCount: $0.value.count) }
    }
  }

  /// Forgets the file, or throws `.notFound`.
  public func remove(_ file: BackendFile) async throws(BackendError) {
    try access { state throws(BackendError) in
      guard state.files.removeValue(forKey: file) != nil else { throw .notFound(file) }
    }
  }

  /// Nil: memory has no capacity to report.
  public func capacity() async throws(BackendError) -> StorageCapacity? {
    nil
  }

  private func access<Success: Sendable>(
    _ body: (inout State) throws(BackendError) -> Success
  ) throws(BackendError) -> Success {
    let result: Result<Success, BackendError> = state.withLock { state in
      guard state.isCreated else { return .failure(.missing("there is no repository in memory")) }
      do throws(BackendError) {
        return .success(try body(&state))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
