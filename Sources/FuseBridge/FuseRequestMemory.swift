internal import CFuse3
internal import Glibc

/// Lends the memory that requests are read into. A file system that keeps written bytes lends its own memory, so that
/// nothing is copied. Called from any thread.
public protocol FuseMemory: Sendable {
  /// Uninitialized memory of `byteCount` bytes, lent until it is given back.
  func take(byteCount: Int) -> UnsafeMutableRawBufferPointer
  /// Takes back memory that `take` has returned.
  func giveBack(_ memory: UnsafeMutableRawBufferPointer)
}

/// The bytes of a WRITE, in the memory into which the kernel put them.
public struct FuseWrittenBytes {
  /// The bytes; valid during the call only, unless the memory is taken over.
  public let bytes: UnsafeRawBufferPointer
  private let request: FuseRequestMemory?

  /// Bytes whose memory cannot be taken over.
  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    request = nil
  }

  /// `bytes` of the request that the calling thread is answering.
  init(ofRequest bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    request = .current
  }

  /// The memory that the bytes are in, and their range. From now on the caller owns the memory and has to give it back;
  /// nil if the memory cannot be taken over.
  public func takeMemory() -> (memory: UnsafeMutableRawBufferPointer, range: Range<Int>)? {
    request?.take(holding: bytes)
  }
}

/// The memory into which one thread of the loop reads its requests.
///
/// Ownership: that thread's. A handler on that thread may take the memory over; the next request is then read into new
/// memory.
final class FuseRequestMemory {
  /// Room for the largest WRITE and what comes before its bytes.
  static let byteCount = maximumWriteByteCount + headerByteCount
  /// The most bytes of a WRITE. A thread that waits for room holds one request; larger requests are no faster.
  static let maximumWriteByteCount = 256 << 10
  /// Room for the header before the bytes: a WRITE's has 80 bytes.
  /// Source: libfuse, FUSE_BUFFER_HEADER_SIZE.
  private static let headerByteCount = 4096

  /// The key under which a thread finds its own memory.
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "the process has no room for a thread's value")
    return key
  }()

  private let source: any FuseMemory
  private var memory: UnsafeMutableRawBufferPointer?

  /// Memory from `source` for the calling thread, for the lifetime of this object.
  init(from source: any FuseMemory) {
    self.source = source
    pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit {
    pthread_setspecific(Self.key, nil)
    if let memory { source.giveBack(memory) }
  }

  /// The calling thread's request memory, if that thread belongs to a loop.
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
