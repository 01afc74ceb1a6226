import COpenSSL

/// The hash of bytes that arrive piece by piece, such as a file that is too large for memory.
///
/// Use: `update` any number of times, then `finish` once. One thread at a time.
public final class StreamHasher {
  /// Which hash.
  public enum Algorithm: Sendable {
    /// 20 bytes; for git's files, where it only detects accidental damage.
    case sha1
    /// 32 bytes.
    case sha256

    /// The length of a hash in bytes.
    public var byteCount: Int { self == .sha1 ? 20 : 32 }
  }

  private let context: OpaquePointer
  private let algorithm: Algorithm
  private var isFinished = false

  /// A hasher of the empty input.
  public init(_ algorithm: Algorithm) {
    self.algorithm = algorithm
    context = LibCrypto.required(EVP_MD_CTX_new(), "digest context")
    let digest = algorithm == .sha1 ? LibCrypto.sha1 : LibCrypto.sha256
    LibCrypto.check(EVP_DigestInit_ex2(context, digest, nil), "EVP_DigestInit_ex2")
  }

  deinit {
    EVP_MD_CTX_free(context)
  }

  /// Appends `bytes` to what is hashed.
  public func update(_ bytes: UnsafeRawBufferPointer) {
    precondition(!isFinished, "this hash is finished")
    LibCrypto.check(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count), "EVP_DigestUpdate")
  }

  /// Appends `bytes` to what is hashed.
  public func update(_ bytes: some Sequence<UInt8>) {
    if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil { update(Array(bytes)) }
  }

  /// The hash of all bytes passed to `update`, in order. The hasher cannot be used afterwards.
  public func finish() -> [UInt8] {
    precondition(!isFinished, "this hash is finished")
    isFinished = true
    return [UInt8](unsafeUninitializedCapacity: algorithm.byteCount) { buffer, count in
      LibCrypto.check(EVP_DigestFinal_ex(context, buffer.baseAddress, nil), "EVP_DigestFinal_ex")
      count = algorithm.byteCount
    }
  }
}
