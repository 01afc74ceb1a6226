internal import CFuse3
internal import Glibc

/// Lends the memory that requests are read into. A file system that keeps what is written lends its own: then nothing is
/// copied. Called from any thread.
public protocol FuseMemory: Sendable {
  /// Memory of `byteCount` bytes with anything in it, until it is given back.
  func take(byteCount: Int) -> UnsafeMutableRawBufferPointer
  /// Takes back what `take` has returned.
  func giveBack(_ memory: UnsafeMutableRawBufferPointer)
}

/// The bytes of a WRITE, where the kernel has put them.
public struct FuseWrittenBytes {
  /// The bytes; valid during the call only, unless the memory is taken over.
  public let bytes: UnsafeRawBufferPointer
  private let request: FuseRequestMemory?

  /// Bytes that can't be taken over.
  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    request = nil
  }

  /// `bytes` of the request that the calling thread is at.
  init(ofRequest bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    request = .current
  }

  /// The memory that the bytes are in, and where in it. From now on it is the caller's, who gives it back some day; nil
  /// where it can't be had.
  public func takeMemory() -> (memory: UnsafeMutableRawBufferPointer, range: Range<Int>)? {
    request?.take(holding: bytes)
  }
}

/// What one thread of the loop reads its requests into.
///
/// Ownership: that thread's. A handler on it may take the memory over; the next request is read into other memory then.
final class FuseRequestMemory {
  /// Room for the largest WRITE and what comes before its bytes.
  static let byteCount = maximumWriteByteCount + headerByteCount
  /// The most bytes of a WRITE. A thread that waits until there is room holds one request; larger ones are no faster.
  static let maximumWriteByteCount = 256 << 10
  /// Room for what comes before the bytes: 80 of a WRITE. Source: libfuse, FUSE_BUFFER_HEADER_SIZE.
  private static let headerByteCount = 4096

  /// Where a thread finds its own.
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "the process has no room for a thread's value")
    return key
  }()

  private let source: any FuseMemory
  private var memory: UnsafeMutableRawBufferPointer?

  /// Memory from `source` for the calling thread, as long as this exists.
  init(from source: any FuseMemory) {
    self.source = source
    pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit {
    pthread_setspecific(Self.key, nil)
    if let memory { source.giveBack(memory) }
  }

  /// What the calling thread reads its requests into, if it is one of a loop.
  static var current: FuseRequestMemory? {
    pthread_getspecific(key).map { Unmanaged.fromOpaque($0).takeUnretainedValue() }
  }

  /// The memory to read the next request into.
  func room() -> UnsafeMutableRawBufferPointer {
    if let memory { return memory }
    let fresh = source.take(byteCount: Self.byteCount)
    memory = fresh
    return fresh
  }

  /// Hands the memory over; nil if `bytes` are not in it.
  fileprivate func take(
    holding bytes: UnsafeRawBufferPointer
  ) -> (memory: UnsafeMutableRawBufferPointer, range: Range<Int>)? {
    guard let taken = memory, let base = taken.baseAddress, let start = bytes.baseAddress else { return nil }
    let offset = start - UnsafeRawPointer(base)
    guard offset >= 0, offset + bytes.count <= taken.count else { return nil }
    memory = nil
    return (taken, offset..<offset + bytes.count)
  }
}
