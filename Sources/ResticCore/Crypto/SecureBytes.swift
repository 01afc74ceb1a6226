import CSodium

/// A fixed number of secret bytes outside the Swift heap: between guard pages, kept out of swap and core dumps where
/// the system allows this, and wiped when the last reference is released.
///
/// The memory is libsodium's `sodium_malloc`: each instance takes at least four pages, so use it for keys and passwords
/// only. Shared between threads it is read-only: only the creator calls `withUnsafeMutableBytes`, before any other
/// thread can see the instance. No method prints the content.
public final class SecureBytes: Sendable {
  /// How many bytes there are.
  public let byteCount: Int
  private nonisolated(unsafe) let memory: UnsafeMutableRawPointer

  /// `byteCount` zero bytes.
  public init(byteCount: Int) {
    precondition(byteCount >= 0, "a negative number of secret bytes")
    Sodium.start()
    guard let memory = sodium_malloc(byteCount) else {
      preconditionFailure("no guarded memory for \(byteCount) secret bytes")
    }
    sodium_memzero(memory, byteCount)
    self.byteCount = byteCount
    self.memory = memory
  }

  /// A copy of `bytes`; the caller must wipe the original.
  public convenience init(copying bytes: UnsafeRawBufferPointer) {
    self.init(byteCount: bytes.count)
    withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
  }

  /// Moves the secret out of `bytes`, which is all zeros afterwards and then empty.
  ///
  /// Only this buffer is wiped: the caller must not have copied the array.
  public convenience init(wiping bytes: inout [UInt8]) {
    self.init(byteCount: bytes.count)
    bytes.withUnsafeMutableBytes { source in
      withUnsafeMutableBytes { $0.copyMemory(from: UnsafeRawBufferPointer(source)) }
      if let start = source.baseAddress { sodium_memzero(start, source.count) }
    }
    bytes = []
  }

  deinit {
    sodium_free(memory)
  }

  /// Lends the bytes for reading; the pointer is valid during the call only.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(start: memory, count: byteCount))
  }

  /// Lends the bytes for writing; allowed only while no other thread can see this instance.
  public func withUnsafeMutableBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeMutableRawBufferPointer(start: memory, count: byteCount))
  }
}

extension SecureBytes: CustomStringConvertible, CustomReflectable {
  /// The number of bytes, never the bytes.
  public var description: String { "\(byteCount) secret bytes" }

  /// No children, so that `dump` shows no bytes either.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
