public import ResticCore
import Synchronization

/// Gives each file the hash of its bytes as its name, whatever it is called: for a storage that takes no other name.
///
/// `BackendConformance` has names that it makes up. Of one type no two files may have the same bytes at a time.
public final class HashNamedBackend: Backend {
  private struct Names {
    var real: [BackendFile: BackendFile] = [:]
    var given: [BackendFile: BackendFile] = [:]
  }

  private let base: any Backend
  private let names = Mutex(Names())

  /// `base`, under names of its own.
  public init(_ base: any Backend) {
    self.base = base
  }

  /// The decorated backend's description.
  public var description: String { base.description }

  /// Creates; there is nothing to check.
  public func create() async throws(BackendError) { try await base.create() }

  /// Saves under the hash of `bytes`, and remembers the name that the test gave. `config` keeps its name.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    guard file != .config else { return try await base.save(file, bytes) }
    let hash = bytes.withUnsafeBytes { SHA256.id(of: $0, as: ID<Never>.self).hex }
    guard let real = BackendFile(type: file.type, name: hash) else { throw .denied("a hash is no name") }
    try await base.save(real, bytes)
    names.withLock { names in
      names.real[file] = real
      names.given[real] = file
    }
  }

  /// The decorated backend's bytes, unchecked.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    try await named(file) { real async throws(BackendError) in try await base.load(real, range: range) }
  }

  /// The decorated backend's answer.
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    try await named(file) { real async throws(BackendError) in try await base.byteCount(of: real) }
  }

  /// The decorated backend's files, under the names that the test gave.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    let entries = try await base.list(type)
    return names.withLock { names in
      entries.map { BackendEntry(file: names.given[$0.file] ?? $0.file, byteCount: $0.byteCount) }
    }
  }

  /// Removes the file, and forgets both of its names.
  public func remove(_ file: BackendFile) async throws(BackendError) {
    try await named(file) { real async throws(BackendError) in try await base.remove(real) }
    names.withLock { names in
      if let real = names.real.removeValue(forKey: file) { names.given[real] = nil }
    }
  }

  /// The decorated backend's answer.
  public func capacity() async throws(BackendError) -> StorageCapacity? { try await base.capacity() }

  /// The decorated backend's answer.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool { await base.listingsAreImmediate(of: type) }

  /// The result of `call` for the real file. Errors name the given file.
  private func named<Success>(
    _ file: BackendFile, _ call: (BackendFile) async throws(BackendError) -> Success
  ) async throws(BackendError) -> Success {
    let real = names.withLock { $0.real[file] } ?? file
    do throws(BackendError) {
      return try await call(real)
    } catch {
      switch error {
      case .notFound(real): throw .notFound(file)
      case .truncated(real): throw .truncated(file)
      case .tooLarge(real, let byteCount): throw .tooLarge(file, byteCount: byteCount)
      default: throw error
      }
    }
  }
}
