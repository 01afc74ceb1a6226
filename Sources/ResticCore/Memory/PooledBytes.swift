/// Bytes passing through the program, in memory of the `BufferPool`.
///
/// Ownership: the creator fills it before others see it; from then on nobody writes to it, and any thread may read.
public final class PooledBytes: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer
  /// How many bytes it holds, from its start on.
  public private(set) var byteCount = 0

  /// An empty instance with room for `capacity` bytes.
  public init(capacity: Int) {
    memory = BufferPool.shared.take(byteCount: capacity)
  }

  /// A copy of `bytes`.
  public convenience init(copying bytes: UnsafeRawBufferPointer) {
    self.init(capacity: bytes.count)
    append(bytes)
  }

  /// A copy of `bytes`.
  public convenience init(copying bytes: [UInt8]) {
    self.init(capacity: bytes.count)
    bytes.withUnsafeBytes { append($0) }
  }

  deinit {
    BufferPool.shared.giveBack(memory)
  }

  /// How many bytes it can hold in all.
  public var capacity: Int { memory.count }

  /// The bytes, as an array of their own.
  public var array: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

  /// Lends the bytes; the pointer is valid during the call only.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeRawBufferPointer(rebasing: memory[..<byteCount]))
  }

  /// Adds a copy of `bytes`.
  public func append(_ bytes: UnsafeRawBufferPointer) {
    append(upTo: bytes.count) { target in
      target.copyMemory(from: bytes)
      return bytes.count
    }
  }

  /// Lends room for `limit` bytes after the existing ones; `fill` returns how many it has written.
  public func append<Failure: Error>(
    upTo limit: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) {
    precondition(byteCount + limit <= memory.count, "the owner knows how much there is room for")
    let added = try fill(UnsafeMutableRawBufferPointer(rebasing: memory[byteCount..<byteCount + limit]))
    precondition(added >= 0 && added <= limit, "no more than there is room for")
    byteCount += added
  }

  /// Lends the whole room, to be filled anew from its start. Returns, as `fill` does, how many bytes were written.
  @discardableResult
  public func overwrite(_ fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    byteCount = fill(memory)
    return byteCount
  }

  /// Moves all bytes from `start` on to the end of `other`.
  public func move(from start: Int, to other: PooledBytes) {
    withUnsafeBytes { other.append(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    byteCount = start
  }
}
